//! Replications on threads.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rayon::prelude::*;

/// A number of threads that run replications. Built once, used many times.
pub struct Pool {
    /// `None`: everything runs on the caller's thread.
    threads: Option<rayon::ThreadPool>,
}

impl Pool {
    /// A pool of `threads` threads; 0 means one per logical core. With one, or where the system refuses threads, work runs on
    /// the caller's thread: slower, with the same results.
    #[must_use]
    pub fn new(threads: usize) -> Self {
        let threads = if threads == 0 { std::thread::available_parallelism().map_or(1, usize::from) } else { threads };
        let build = || rayon::ThreadPoolBuilder::new().num_threads(threads).thread_name(|i| format!("replication-{i}")).build().ok();
        Self { threads: if threads > 1 { build() } else { None } }
    }

    /// Number of threads that work at a time.
    #[must_use]
    pub fn threads(&self) -> usize {
        self.threads.as_ref().map_or(1, rayon::ThreadPool::current_num_threads)
    }

    /// Runs `operation` inside the pool, so that rayon's parallel iterators in it use these threads.
    pub fn install<T: Send>(&self, operation: impl FnOnce() -> T + Send) -> T {
        match &self.threads {
            Some(threads) => threads.install(operation),
            None => operation(),
        }
    }

    /// Runs `body` for each replication and returns the results in replication order, whatever thread ran them.
    ///
    /// Replications start in order; once `stop` is set no other one starts, and those that have not run are `None` (those
    /// under way end first). `progress` hears each replication that has ended, from the thread that ran it, in no fixed order.
    /// A panic of `body` goes on to the caller.
    pub fn replicate<T: Send>(
        &self,
        range: Range<u32>,
        stop: &AtomicBool,
        progress: &(dyn Fn(u32) + Sync),
        body: impl Fn(u32) -> T + Sync,
    ) -> Vec<Option<T>> {
        let mut results: Vec<Option<T>> = Vec::new();
        results.resize_with(range.len(), || None);
        // 64 bits, so that workers who ask after the end cannot wrap it.
        let next = AtomicU64::new(u64::from(range.start));
        let worker = || {
            let mut done: Vec<(u32, T)> = Vec::new();
            while !stop.load(Ordering::Relaxed) {
                let taken = next.fetch_add(1, Ordering::Relaxed);
                let Some(replication) = u32::try_from(taken).ok().filter(|taken| range.contains(taken)) else {
                    break;
                };
                done.push((replication, body(replication)));
                progress(replication);
            }
            done
        };
        let done: Vec<Vec<(u32, T)>> = match &self.threads {
            Some(pool) => {
                let workers = pool.current_num_threads().min(range.len());
                pool.install(|| (0..workers).into_par_iter().with_max_len(1).map(|_| worker()).collect())
            }
            None => vec![worker()],
        };
        for (replication, result) in done.into_iter().flatten() {
            results[(replication - range.start) as usize] = Some(result);
        }
        results
    }
}

/// Runs `body` for each replication on `threads` threads of a pool made for it: [`Pool::replicate`].
pub fn replicate<T: Send>(
    range: Range<u32>,
    threads: usize,
    stop: &AtomicBool,
    progress: &(dyn Fn(u32) + Sync),
    body: impl Fn(u32) -> T + Sync,
) -> Vec<Option<T>> {
    Pool::new(threads).replicate(range, stop, progress, body)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU32;

    use super::*;
    use crate::{Estimate, Stream, stream_key};

    fn history(replication: u32) -> f64 {
        let mut stream = Stream::new(11, replication, stream_key("threads", "test"));
        (0..500).map(|_| stream.gamma(1.3, 2.0)).sum()
    }

    #[test]
    fn results_do_not_depend_on_threads() {
        let stop = AtomicBool::new(false);
        let one = replicate(5..105, 1, &stop, &|_| (), history);
        let estimate = |results: &[Option<f64>]| Estimate::of(&results.iter().copied().flatten().collect::<Vec<_>>());
        assert!(one.iter().all(Option::is_some));
        for threads in [0, 2, 4, 7] {
            let pool = Pool::new(threads);
            for _ in 0..2 {
                let many = pool.replicate(5..105, &stop, &|_| (), history);
                assert_eq!(one, many);
                assert_eq!(estimate(&one), estimate(&many));
            }
        }
        // A shard is a slice of the whole.
        assert_eq!(replicate(40..60, 3, &stop, &|_| (), history), one[35..55]);
    }

    #[test]
    fn stopping_leaves_the_rest_undone() {
        for threads in [1, 3] {
            let stop = AtomicBool::new(false);
            let heard = AtomicU32::new(0);
            let results = Pool::new(threads).replicate(
                0..1000,
                &stop,
                &|_| {
                    heard.fetch_add(1, Ordering::Relaxed);
                },
                |replication| {
                    if replication == 20 {
                        stop.store(true, Ordering::Relaxed);
                    }
                    while replication > 20 && !stop.load(Ordering::Relaxed) {
                        std::thread::yield_now();
                    }
                    replication
                },
            );
            let done = results.iter().flatten().count();
            assert!((1..1000).contains(&done) && results.len() == 1000);
            assert_eq!(heard.load(Ordering::Relaxed) as usize, done);
            assert_eq!(results[20], Some(20));
            assert_eq!(results[999], None);
        }
    }

    #[test]
    fn the_ends_of_the_numbers_work() {
        let stop = AtomicBool::new(false);
        let pool = Pool::new(2);
        assert!(pool.replicate(3..3, &stop, &|_| (), |r| r).is_empty());
        assert_eq!(pool.replicate(u32::MAX - 1..u32::MAX, &stop, &|_| (), |r| r), [Some(u32::MAX - 1)]);
        // A replication may itself use the pool.
        let nested = pool.replicate(0..4, &stop, &|_| (), |r| pool.replicate(0..3, &stop, &|_| (), move |s| r * 10 + s).len());
        assert_eq!(nested, [Some(3); 4]);
    }
}
