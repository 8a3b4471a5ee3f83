//! Who holds what: parts of grants in slots that are used again.

use super::GpuSet;

/// What a job holds, until it is given back: a handle of eight bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant {
    slot: u32,
    /// How often the slot was emptied before: a handle that was given back matches nothing.
    round: u32,
}

/// What a grant holds of one node.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    /// Which node.
    pub node: u32,
    /// Kind of the task.
    pub kind: u32,
    /// Its GPUs.
    pub gpus: GpuSet,
    /// Thousandths of each of them.
    pub milli: u16,
    /// Thousandths of a CPU.
    pub cpu: u64,
    /// Memory \[MiB\].
    pub memory: u64,
    /// The part of the next node.
    pub next: Option<Grant>,
}

/// All parts of all grants.
#[derive(Clone, Debug, Default)]
pub struct Grants {
    slots: Vec<(u32, Option<Part>)>,
    free: Vec<u32>,
}

impl Grants {
    /// Adds a part before others of its gang.
    pub fn insert(&mut self, part: Part, next: Option<Grant>) -> Grant {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push((0, None));
            self.slots.len() as u32 - 1
        });
        let (round, place) = &mut self.slots[slot as usize];
        *place = Some(Part { next, ..part });
        Grant { slot, round: *round }
    }
    /// Takes a part out; `None` if it is out already.
    pub fn remove(&mut self, grant: Grant) -> Option<Part> {
        let (round, place) = self.slots.get_mut(grant.slot as usize)?;
        if *round != grant.round {
            return None;
        }
        let part = place.take()?;
        *round = round.wrapping_add(1);
        self.free.push(grant.slot);
        Some(part)
    }
    /// A part.
    pub fn get(&self, grant: Grant) -> Option<&Part> {
        self.slots.get(grant.slot as usize).filter(|(round, _)| *round == grant.round)?.1.as_ref()
    }
}
