//! Events of the later future, in buckets by the highest digit of their time that differs from a moment before them all.

use super::Entry;

/// Bits of a digit of time: 2048 buckets to a level.
const DIGIT_BITS: u32 = 11;
const DIGITS: usize = 1 << DIGIT_BITS;
/// Levels that hold the 64 bits of a time, wherever the digits are laid.
const LEVELS: usize = 8;
const WORDS: usize = DIGITS / 64;
/// Entries of a chunk, the unit in which buckets take and return room.
const CHUNK: u32 = 16;
const LAST_IN_CHUNK: u32 = CHUNK - 1;
/// Tail of a bucket without entries. It ends like a full chunk, so one test finds both.
const EMPTY: u32 = u32::MAX;
/// Number that ends a list of chunks: that of the chunk in which [`EMPTY`] would lie.
const NO_CHUNK: u32 = EMPTY / CHUNK;

/// Where a bit of a time belongs.
#[derive(Clone, Copy, Debug)]
struct Digit {
    level: u8,
    /// The digit's lowest bit.
    shift: u8,
}

/// The bits of a level's digit, as those above it and those below.
#[derive(Clone, Copy, Debug)]
struct Span {
    above: u64,
    below: u64,
    shift: u8,
}

/// Entries by the moment they are due, in levels of buckets. An entry lies at the level of the highest digit in which its
/// time differs from the base's, in the bucket of its own digit there; so the lowest level comes first, and within it the
/// lowest digit. When the base moves into a bucket (and never back), the entries of that bucket go down at least a level, and
/// no other one has to move (Ahuja, Mehlhorn, Orlin & Tarjan 1990, "Faster algorithms for the shortest path problem").
///
/// Buckets are lists of chunks of one pool: an entry is written and read next to its neighbours, and what is not used stays
/// below a chunk per bucket in use.
#[derive(Clone, Debug)]
pub(super) struct Buckets<E> {
    base: u64,
    digits: [Digit; 64],
    spans: [Span; LEVELS],
    /// Place in the pool of each bucket's last entry, or [`EMPTY`].
    tails: Box<[u32; LEVELS * DIGITS]>,
    /// A bit for each bucket that has entries, for each such word of buckets, for each such level.
    marks: [u64; LEVELS * WORDS],
    words: [u32; LEVELS],
    levels: u8,
    pool: Vec<Entry<E>>,
    /// The chunk before: in the same bucket, or among the free ones.
    links: Vec<u32>,
    free: u32,
    /// Entries put so far.
    #[cfg(test)]
    pub moves: u64,
}

/// Entries taken out of a bucket, to be read chunk by chunk.
#[derive(Clone, Copy, Debug)]
pub(super) struct Taken {
    /// The bucket's first moment, and its last.
    pub first: u64,
    pub last: u64,
    tail: u32,
}

/// What there is to know of entries that are about to be spread.
#[derive(Clone, Copy, Debug)]
pub(super) struct Survey {
    pub count: u64,
    /// The last moment not after any of them that their highest differing bit allows.
    pub first: u64,
    /// Time between them \[ns\], were they as dense everywhere as an exponential distribution of their mean is at its start.
    pub mean_gap: u64,
}

/// All bits of a time from one on; none from 64.
fn bits_from(shift: u8) -> u64 {
    u64::MAX.checked_shl(shift.into()).unwrap_or(0)
}

impl<E: Copy> Buckets<E> {
    pub fn with_capacity(entries: usize) -> Self {
        let (digits, spans) = lay_digits(0);
        Self {
            base: 0,
            digits,
            spans,
            tails: no_tails(),
            marks: [0; LEVELS * WORDS],
            words: [0; LEVELS],
            levels: 0,
            // Beside full chunks, one in each bucket of the levels in use.
            pool: Vec::with_capacity(entries + entries.min(4 * DIGITS * CHUNK as usize)),
            links: Vec::new(),
            free: NO_CHUNK,
            #[cfg(test)]
            moves: 0,
        }
    }

    /// Places for entries, used or not.
    #[cfg(test)]
    pub fn places(&self) -> usize {
        self.pool.len()
    }

    pub fn base(&self) -> u64 {
        self.base
    }

    /// Moves the base: into the bucket taken last, or anywhere when all are empty.
    pub fn set_base(&mut self, base: u64) {
        self.base = base;
    }

    pub fn clear(&mut self) {
        while self.take().is_some() {}
        self.base = 0;
        self.pool.clear();
        self.links.clear();
        self.free = NO_CHUNK;
    }

    /// Adds an entry that is due after the base.
    #[inline]
    pub fn put(&mut self, entry: Entry<E>) {
        #[cfg(test)]
        {
            self.moves += 1;
        }
        // The lowest bit only tells the logarithm that there is one: the times differ.
        let highest_bit = ((entry.time ^ self.base) | 1).ilog2();
        let Digit { level, shift } = self.digits[highest_bit as usize];
        let bucket = ((usize::from(level) << DIGIT_BITS) | ((entry.time >> (shift & 63)) as usize & (DIGITS - 1))) % (LEVELS * DIGITS);
        let tail = self.tails[bucket];
        let place = if tail & LAST_IN_CHUNK == LAST_IN_CHUNK { self.grow(bucket, tail, entry) } else { tail + 1 };
        self.pool[place as usize] = entry;
        self.tails[bucket] = place;
    }

    /// The first place of a new chunk, for a bucket without entries or with a full chunk.
    #[inline(never)]
    fn grow(&mut self, bucket: usize, tail: u32, filler: Entry<E>) -> u32 {
        if tail == EMPTY {
            let word = bucket / 64;
            self.marks[word] |= 1 << (bucket % 64);
            self.words[word / WORDS] |= 1 << (word % WORDS);
            self.levels |= 1 << (word / WORDS);
        }
        let mut chunk = self.free;
        if chunk == NO_CHUNK {
            // As many entries as places have numbers would fill 100 GB.
            chunk = self.links.len() as u32;
            let places = self.pool.len() + CHUNK as usize;
            if places > self.pool.capacity() {
                // By a quarter, not by twice: a million events shall not hold the memory of two million.
                self.pool.reserve_exact(CHUNK as usize * (4 + self.links.len() / 4));
            }
            self.pool.resize(places, filler);
            self.links.push(NO_CHUNK);
        } else {
            self.free = self.links[chunk as usize];
        }
        self.links[chunk as usize] = tail / CHUNK;
        chunk * CHUNK
    }

    /// The first bucket that has entries, with its first and its last moment.
    fn first(&self) -> Option<(usize, u64, u64)> {
        if self.levels == 0 {
            return None;
        }
        let level = self.levels.trailing_zeros() as usize % LEVELS;
        let word = (level * WORDS + self.words[level].trailing_zeros() as usize) % (LEVELS * WORDS);
        let bucket = word * 64 + self.marks[word].trailing_zeros() as usize % 64;
        let Span { above, below, shift } = self.spans[level];
        let first = (self.base & above) | (((bucket % DIGITS) as u64) << (shift & 63));
        Some((bucket, first, first | below))
    }

    /// A moment that no entry is due before; nothing if there is none.
    pub fn begins(&self) -> Option<u64> {
        self.first().map(|(_, first, _)| first)
    }

    /// Takes the entries of the first bucket.
    #[inline]
    pub fn take(&mut self) -> Option<Taken> {
        let (bucket, first, last) = self.first()?;
        let (word, level) = (bucket / 64, bucket / DIGITS);
        self.marks[word] &= self.marks[word] - 1;
        if self.marks[word] == 0 {
            self.words[level] &= self.words[level] - 1;
            if self.words[level] == 0 {
                self.levels &= self.levels - 1;
            }
        }
        Some(Taken { first, last, tail: std::mem::replace(&mut self.tails[bucket], EMPTY) })
    }

    /// The next entries of those that were taken; none when all were released.
    #[inline]
    pub fn chunk(&self, taken: &Taken) -> &[Entry<E>] {
        let tail = taken.tail as usize;
        if taken.tail == EMPTY { &[] } else { &self.pool[tail & !(LAST_IN_CHUNK as usize)..=tail] }
    }

    /// Frees the room of the entries that [`Buckets::chunk`] showed.
    #[inline]
    pub fn release(&mut self, taken: &mut Taken) {
        let chunk = taken.tail / CHUNK;
        taken.tail = self.before(taken.tail);
        self.links[chunk as usize] = std::mem::replace(&mut self.free, chunk);
    }

    /// The tail of the list without its last chunk.
    #[inline]
    fn before(&self, tail: u32) -> u32 {
        match self.links[(tail / CHUNK) as usize] {
            NO_CHUNK => EMPTY,
            chunk => chunk * CHUNK + LAST_IN_CHUNK,
        }
    }

    /// True if what was taken fits two chunks.
    #[inline]
    pub fn is_small(&self, taken: &Taken) -> bool {
        let before = self.before(taken.tail);
        before == EMPTY || self.before(before) == EMPTY
    }

    /// Looks at what was taken, before it is spread.
    pub fn survey(&self, taken: &Taken) -> Survey {
        let sample = self.chunk(taken).first().map_or(0, |entry| entry.time);
        let (mut count, mut differs, mut sum, mut rest) = (0, 0, 0, *taken);
        while rest.tail != EMPTY {
            let chunk = self.chunk(&rest);
            count += chunk.len() as u64;
            for entry in chunk {
                differs |= entry.time ^ sample;
                sum += u128::from(entry.time - taken.first);
            }
            rest.tail = self.before(rest.tail);
        }
        let bits = u64::BITS - differs.leading_zeros();
        let first = sample & bits_from(bits as u8);
        let mean = (sum / u128::from(count.max(1))) as u64;
        Survey { count, first, mean_gap: mean.saturating_sub(first - taken.first) / count.max(1) }
    }

    /// Puts back what was taken, after the base has moved. Those due at the base itself go to `due`.
    pub fn spread(&mut self, mut taken: Taken, due: &mut Vec<Entry<E>>) {
        while taken.tail != EMPTY {
            let start = taken.tail & !LAST_IN_CHUNK;
            for place in start..=taken.tail {
                let entry = self.pool[place as usize];
                if entry.time == self.base { due.push(entry) } else { self.put(entry) }
            }
            self.release(&mut taken);
        }
    }

    /// Drops the entries that `keep` does not want.
    #[cold]
    pub fn retain(&mut self, keep: impl Fn(&Entry<E>) -> bool) {
        let lists: Vec<Taken> = std::iter::from_fn(|| self.take()).collect();
        for mut taken in lists {
            while taken.tail != EMPTY {
                for place in taken.tail & !LAST_IN_CHUNK..=taken.tail {
                    let entry = self.pool[place as usize];
                    if keep(&entry) {
                        self.put(entry);
                    }
                }
                self.release(&mut taken);
            }
        }
    }

    /// True if some digit begins at this bit, or next to it.
    pub fn has_digit_near(&self, bit: u32) -> bool {
        let offset = u32::from(self.digits[63].shift) + DIGIT_BITS - bit % DIGIT_BITS;
        (offset + 1) % DIGIT_BITS <= 2
    }

    /// Lays the digits so that one begins at `bit`, and every entry anew.
    #[cold]
    pub fn lay(&mut self, bit: u32) {
        let lists: Vec<Taken> = std::iter::from_fn(|| self.take()).collect();
        (self.digits, self.spans) = lay_digits(bit % DIGIT_BITS);
        let mut due = Vec::new();
        for taken in lists {
            self.spread(taken, &mut due);
        }
    }
}

fn no_tails() -> Box<[u32; LEVELS * DIGITS]> {
    // Cannot fail: the length is that of the array.
    vec![EMPTY; LEVELS * DIGITS].into_boxed_slice().try_into().expect("as many tails as buckets")
}

/// Digits of which one begins at bit `offset`, below [`DIGIT_BITS`]; under it lies a shorter one.
fn lay_digits(offset: u32) -> ([Digit; 64], [Span; LEVELS]) {
    let mut digits = [Digit { level: 0, shift: 0 }; 64];
    let mut spans = [Span { above: 0, below: 0, shift: 0 }; LEVELS];
    for bit in 1..64 {
        let mut digit = digits[bit - 1];
        if bit as u32 % DIGIT_BITS == offset {
            spans[usize::from(digit.level)].above = bits_from(bit as u8);
            digit = Digit { level: digit.level + 1, shift: bit as u8 };
            spans[usize::from(digit.level)] = Span { above: 0, below: !bits_from(bit as u8), shift: bit as u8 };
        }
        digits[bit] = digit;
    }
    (digits, spans)
}
