//! The best filling of one facility: a 0/1 knapsack (Kellerer, Pferschy and Pisinger, *Knapsack Problems*, 2004, chapters 2 and 5).

/// A customer that a facility would gain from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Item {
    pub customer: usize,
    /// Positive.
    pub gain: f64,
    pub size: f64,
}

/// Cells of a table; larger problems are branched.
const TABLE: usize = 1 << 22;
/// Nodes of a tree; then the bound of its root counts.
const NODES: usize = 20_000;

/// Fills facilities; keeps its tables.
#[derive(Clone, Debug, Default)]
pub(super) struct Knapsack {
    best: Vec<f64>,
    took: Vec<bool>,
    /// Best gain for every smaller capacity in whole units; empty where no table was made.
    exact: bool,
}

impl Knapsack {
    /// Chooses items within a capacity; no choice gains more than the number returned, which is the gain of this choice unless the
    /// tree was cut short. `whole` says that all sizes are integers.
    pub(super) fn fill(&mut self, items: &mut [Item], capacity: f64, whole: bool, chosen: &mut Vec<usize>) -> f64 {
        chosen.clear();
        self.exact = false;
        let all: f64 = items.iter().map(|item| item.size).sum();
        if all <= capacity {
            chosen.extend(items.iter().map(|item| item.customer));
            return items.iter().map(|item| item.gain).sum();
        }
        // Sizes of a row fit whole numbers: they sum to more than the capacity, which is at least zero.
        let cells = (capacity.floor() + 1.0) * items.len() as f64;
        if whole && cells <= TABLE as f64 {
            self.tabulate(items, capacity.floor() as usize, chosen)
        } else {
            Self::branch(items, capacity, chosen)
        }
    }

    /// Dynamic programming over whole capacities.
    fn tabulate(&mut self, items: &[Item], capacity: usize, chosen: &mut Vec<usize>) -> f64 {
        let row = capacity + 1;
        self.best.clear();
        self.best.resize(row, 0.0);
        self.took.clear();
        self.took.resize(row * items.len(), false);
        for (item, took) in items.iter().zip(self.took.chunks_mut(row)) {
            let size = item.size as usize;
            for room in (size..row).rev() {
                let with = self.best[room - size] + item.gain;
                if with > self.best[room] {
                    (self.best[room], took[room]) = (with, true);
                }
            }
        }
        let mut room = capacity;
        for (item, took) in items.iter().zip(self.took.chunks(row)).rev().filter(|(item, _)| item.size as usize <= capacity) {
            if took[room] {
                chosen.push(item.customer);
                room -= item.size as usize;
            }
        }
        self.exact = true;
        self.best[capacity]
    }

    /// No choice within this capacity gains more: exact after a table, else the whole gain.
    pub(super) fn within(&self, capacity: f64, gain: f64) -> f64 {
        if capacity < 0.0 {
            return f64::NEG_INFINITY;
        }
        if self.exact { self.best.get(capacity.floor() as usize).copied().unwrap_or(gain).min(gain) } else { gain }
    }

    /// Branch and bound, items by gain per size, with Dantzig's bound (Horowitz and Sahni 1974).
    fn branch(items: &mut [Item], capacity: f64, chosen: &mut Vec<usize>) -> f64 {
        let rate = |item: &Item| if item.size > 0.0 { item.gain / item.size } else { f64::INFINITY };
        items.sort_by(|one, other| rate(other).total_cmp(&rate(one)).then(one.customer.cmp(&other.customer)));
        let ceiling = bound(items, 0, capacity);
        let mut taken: Vec<usize> = Vec::new();
        let (mut room, mut gain, mut record) = (capacity, 0.0, 0.0);
        let (mut at, mut nodes) = (0, 0);
        loop {
            // Forward: take what fits, skip what does not.
            while at < items.len() && gain + bound(items, at, room) > record {
                if items[at].size <= room {
                    taken.push(at);
                    (room, gain) = (room - items[at].size, gain + items[at].gain);
                }
                at += 1;
                nodes += 1;
            }
            if gain > record {
                record = gain;
                chosen.clear();
                chosen.extend(taken.iter().map(|at| items[*at].customer));
            }
            if nodes > NODES {
                return ceiling;
            }
            // Back: leave out the last one taken.
            let Some(last) = taken.pop() else { return record };
            (room, gain, at) = (room + items[last].size, gain - items[last].gain, last + 1);
        }
    }
}

/// What the items from one on gain at most in a room: the first that does not fit is cut.
fn bound(items: &[Item], from: usize, mut room: f64) -> f64 {
    let mut gain = 0.0;
    for item in &items[from..] {
        if item.size > room {
            return gain + item.gain * room / item.size;
        }
        (room, gain) = (room - item.size, gain + item.gain);
    }
    gain
}
