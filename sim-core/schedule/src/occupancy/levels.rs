//! Nodes by their number of whole free GPUs: a bit for each node on its level.

/// Number of nodes in a word.
const WORD: usize = u64::BITS as usize;

/// Sets of nodes, one for each number of whole free GPUs.
#[derive(Clone, Debug)]
pub struct Levels {
    /// Words by level, then by node.
    bits: Vec<u64>,
    /// Words of one level.
    words: usize,
    /// Nodes on each level.
    counts: Vec<u32>,
}

impl Levels {
    /// Puts each node on its level.
    pub fn new(levels: &[u32]) -> Self {
        let words = levels.len().div_ceil(WORD);
        let number = levels.iter().max().map_or(0, |most| *most as usize) + 1;
        let mut all = Self { bits: vec![0; number * words], words, counts: vec![0; number] };
        for (node, level) in levels.iter().enumerate() {
            all.flip(node, *level as usize);
            all.counts[*level as usize] += 1;
        }
        all
    }
    /// Moves a node.
    pub fn change(&mut self, node: usize, from: u32, to: u32) {
        if from != to {
            self.flip(node, from as usize);
            self.flip(node, to as usize);
            self.counts[from as usize] -= 1;
            self.counts[to as usize] += 1;
        }
    }
    fn flip(&mut self, node: usize, level: usize) {
        self.bits[level * self.words + node / WORD] ^= 1 << (node % WORD);
    }
    /// Number of nodes on a level.
    pub fn count(&self, level: u32) -> u32 {
        self.counts.get(level as usize).copied().unwrap_or(0)
    }
    /// The highest level with a node.
    pub fn highest(&self) -> u32 {
        self.counts.iter().rposition(|count| *count > 0).unwrap_or(0) as u32
    }
    /// Nodes on a level, in order.
    pub fn exactly(&self, level: u32) -> impl Iterator<Item = usize> + '_ {
        self.nodes(level as usize, level as usize + 1)
    }
    /// Nodes on a level or above, in order.
    pub fn at_least(&self, level: u32) -> impl Iterator<Item = usize> + '_ {
        self.nodes(level as usize, self.counts.len())
    }
    fn nodes(&self, from: usize, to: usize) -> impl Iterator<Item = usize> + '_ {
        let levels = from.min(to)..to.min(self.counts.len());
        (0..self.words).flat_map(move |word| {
            let bits = levels.clone().fold(0, |bits, level| bits | self.bits[level * self.words + word]);
            std::iter::successors(Some(bits), |left| Some(left & left.wrapping_sub(1)))
                .take_while(|left| *left != 0)
                .map(move |left| word * WORD + left.trailing_zeros() as usize)
        })
    }
}
