//! Blocks of keys and values of a replica, and the prefixes that they keep.

/// No link.
const NONE: u32 = u32::MAX;

/// A pool of blocks. Prefix blocks that nobody uses stay until their place is needed, longest unused first (Kwon et al.
/// 2023; vLLM's block pool).
#[derive(Clone, Debug)]
pub struct Blocks {
    total: u32,
    free: u32,
    /// Blocks of an entry of the prefix cache.
    span: u32,
    /// Users of each resident entry plus 1; 0 where it is not resident.
    users: Vec<u32>,
    older: Vec<u32>,
    newer: Vec<u32>,
    oldest: u32,
    newest: u32,
    idle: u32,
}

impl Blocks {
    /// A pool of `total` free blocks, with `entries` possible prefixes of `span` blocks each.
    #[must_use]
    pub fn new(total: u32, span: u32, entries: usize) -> Self {
        let links = vec![NONE; entries];
        Self { total, free: total, span, users: vec![0; entries], older: links.clone(), newer: links, oldest: NONE, newest: NONE, idle: 0 }
    }

    /// Blocks that can be had: free ones and those of idle prefixes.
    #[must_use]
    pub fn available(&self) -> u32 {
        self.free + self.idle * self.span
    }

    /// Blocks in use by requests.
    #[must_use]
    pub fn used(&self) -> u32 {
        self.total - self.available()
    }

    /// All blocks.
    #[must_use]
    pub fn total(&self) -> u32 {
        self.total
    }

    /// Takes blocks, from idle prefixes where free ones run out; false and no change where there are not as many.
    pub fn take(&mut self, count: u32) -> bool {
        if count > self.available() {
            return false;
        }
        while self.free < count {
            let entry = self.oldest;
            self.unlink(entry);
            self.users[entry as usize] = 0;
            self.free += self.span;
        }
        self.free -= count;
        true
    }

    /// Gives blocks back.
    pub fn give(&mut self, count: u32) {
        self.free += count;
    }

    /// How many of a prompt's prefix blocks are resident, from its start, and how many of these are idle.
    #[must_use]
    pub fn resident(&self, prefix: &[u32]) -> (usize, u32) {
        let hits = prefix.iter().take_while(|entry| self.users[**entry as usize] > 0).count();
        (hits, prefix[..hits].iter().filter(|entry| self.users[**entry as usize] == 1).count() as u32)
    }

    /// Uses resident prefix blocks.
    pub fn pin(&mut self, prefix: &[u32]) {
        for entry in prefix {
            if self.users[*entry as usize] == 1 {
                self.unlink(*entry);
            }
            self.users[*entry as usize] += 1;
        }
    }

    /// Makes a request's own blocks of a computed prefix shared; returns how many entries are now shared, from the start.
    /// An entry that another request shared first keeps its place, and this request's copy stays its own.
    pub fn share(&mut self, prefix: &[u32]) -> usize {
        for (count, entry) in prefix.iter().enumerate() {
            // This also stops at the second of two equal entries of one prompt.
            if self.users[*entry as usize] > 0 {
                return count;
            }
            self.users[*entry as usize] = 2;
        }
        prefix.len()
    }

    /// Stops using prefix blocks; they stay until their place is needed. The end of a prefix goes first, as in vLLM.
    pub fn unpin(&mut self, prefix: &[u32]) {
        for entry in prefix.iter().rev() {
            self.users[*entry as usize] -= 1;
            if self.users[*entry as usize] == 1 {
                self.link(*entry);
            }
        }
    }

    fn link(&mut self, entry: u32) {
        self.older[entry as usize] = self.newest;
        self.newer[entry as usize] = NONE;
        if self.newest == NONE {
            self.oldest = entry;
        } else {
            self.newer[self.newest as usize] = entry;
        }
        self.newest = entry;
        self.idle += 1;
    }

    fn unlink(&mut self, entry: u32) {
        let (older, newer) = (self.older[entry as usize], self.newer[entry as usize]);
        if older == NONE {
            self.oldest = newer;
        } else {
            self.newer[older as usize] = newer;
        }
        if newer == NONE {
            self.newest = older;
        } else {
            self.older[newer as usize] = older;
        }
        self.idle -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idle_prefixes_give_way_longest_unused_first() {
        // 10 blocks; two prefixes of 2 entries of 2 blocks each.
        let mut blocks = Blocks::new(10, 2, 4);
        assert!(blocks.take(5) && blocks.take(4) && !blocks.take(2));
        // Each keeps its own rest: 1 and 0 blocks.
        assert_eq!((blocks.share(&[0, 1]), blocks.share(&[2, 3])), (2, 2));
        blocks.unpin(&[0, 1]);
        blocks.give(1);
        assert_eq!((blocks.available(), blocks.used()), (6, 4));
        blocks.unpin(&[2, 3]);
        assert_eq!((blocks.available(), blocks.resident(&[0, 1]), blocks.resident(&[2, 3])), (10, (2, 2), (2, 2)));
        // 2 free; 5 more blocks evict 1 and then 0, the end of the older prefix first.
        assert!(blocks.take(3));
        assert_eq!((blocks.resident(&[0, 1]), blocks.resident(&[2, 3])), ((1, 1), (2, 2)));
        blocks.pin(&[2, 3]);
        assert_eq!(blocks.resident(&[2, 3]), (2, 0));
        assert!(!blocks.take(4) && blocks.take(3));
        assert_eq!((blocks.resident(&[0]), blocks.available()), ((0, 0), 0));
    }
}
