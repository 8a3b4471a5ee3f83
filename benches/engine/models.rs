//! What is simulated: the hold model and a queue with many servers.

use std::collections::VecDeque;

use bastide_engine::{Stream, stream_key};
use bastide_units::{Duration, Time};

use crate::queues::Pending;

const HOUR: u64 = 3_600_000_000_000;

/// Times from one event to the one that it causes.
#[derive(Clone, Copy)]
pub enum Delays {
    /// Exponential, 1 h on average.
    Exponential,
    /// As in fleets: half at the next full hour, three tenths repairs of 4 h on average, the rest failures of 1 y.
    Fleet,
}

/// The hold model (Vaucher & Duval 1975): take the next event, schedule another a random time later; as many stay pending.
pub struct Hold<Q> {
    queue: Q,
    draws: Stream,
    delays: Delays,
}

impl<Q: Pending> Hold<Q> {
    /// With so many events pending, after each has happened three times.
    pub fn new(pending: u32, delays: Delays) -> Self {
        let draws = Stream::new(1, 0, stream_key("bench", "hold"));
        let mut hold = Self { queue: Q::with_capacity(pending as usize), draws, delays };
        for event in 0..pending {
            hold.schedule(0, event);
        }
        hold.run(3 * u64::from(pending));
        hold
    }

    #[inline]
    fn schedule(&mut self, now: u64, event: u32) {
        let mean = match self.delays {
            Delays::Exponential => Duration::from_h(1.0),
            Delays::Fleet => match self.draws.uniform() {
                u if u < 0.5 => return self.queue.push((now / HOUR + 1) * HOUR, event),
                u if u < 0.8 => Duration::from_h(4.0),
                _ => Duration::from_y(1.0),
            },
        };
        let time = Time::from_nanos(now) + self.draws.exponential_duration(mean);
        self.queue.push(time.as_nanos(), event);
    }

    #[inline(never)]
    pub fn run(&mut self, events: u64) -> u64 {
        let mut last = 0;
        for _ in 0..events {
            if let Some((now, event)) = self.queue.pop() {
                self.schedule(now, event);
                last = now;
            }
        }
        last
    }
}

/// Customers come at random and are served for a random time by the first of `servers` that is free (M/M/c): on average one
/// comes each 1 / (`servers` * `load`) h and is served for 1 h.
pub struct Service<Q> {
    queue: Q,
    arrivals: Stream,
    services: Stream,
    between: Duration,
    idle: u32,
    waiting: VecDeque<u64>,
    /// Customers served, and how long they waited together \[ns\].
    pub served: u64,
    pub waited: u64,
}

const ARRIVAL: u32 = 0;
const DEPARTURE: u32 = 1;

impl<Q: Pending> Service<Q> {
    pub fn new(servers: u32, load: f64, replication: u32) -> Self {
        let mut service = Self {
            queue: Q::with_capacity(servers as usize + 1),
            arrivals: Stream::new(1, replication, stream_key("bench", "arrival")),
            services: Stream::new(1, replication, stream_key("bench", "service")),
            between: Duration::from_h(1.0 / (f64::from(servers) * load)),
            idle: servers,
            waiting: VecDeque::with_capacity(1 << 12),
            served: 0,
            waited: 0,
        };
        service.queue.push(0, ARRIVAL);
        service.run(200_000);
        (service.served, service.waited) = (0, 0);
        service
    }

    #[inline(never)]
    pub fn run(&mut self, events: u64) -> u64 {
        let mut last = 0;
        for _ in 0..events {
            let Some((now, event)) = self.queue.pop() else { break };
            last = now;
            if event == ARRIVAL {
                let next = Time::from_nanos(now) + self.arrivals.exponential_duration(self.between);
                self.queue.push(next.as_nanos(), ARRIVAL);
                if self.idle == 0 {
                    self.waiting.push_back(now);
                    continue;
                }
                self.idle -= 1;
            } else if let Some(since) = self.waiting.pop_front() {
                self.waited += now - since;
            } else {
                self.idle += 1;
                continue;
            }
            self.served += 1;
            let end = Time::from_nanos(now) + self.services.exponential_duration(Duration::from_h(1.0));
            self.queue.push(end.as_nanos(), DEPARTURE);
        }
        last
    }
}

/// Mean wait in M/M/c, in service times (Erlang 1917).
pub fn erlang_c_wait(servers: u32, load: f64) -> f64 {
    let c = f64::from(servers);
    // Erlang B by its recursion, then C from B.
    let blocking = (1..=servers).fold(1.0, |b, n| {
        let offered = c * load * b;
        offered / (f64::from(n) + offered)
    });
    let delayed = blocking / (1.0 - load * (1.0 - blocking));
    delayed / (c * (1.0 - load))
}
