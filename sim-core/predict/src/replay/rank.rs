//! The scheduler of one replica.
//!
//! Decoding requests are not stepped one by one. Time is counted in *ticks*, the decode steps of the replica: a request
//! whose prompt is done at tick `p` makes its first token then, one in each tick after, and its last in tick
//! `p + output - 1`, which waits in a heap. The tokens that all of them keep are `sum(prompt - p) + count * tick`, and who
//! needs a block in a tick is counted by `(p - prompt + 1) mod block`. So a step costs the same for one request as for a
//! thousand, and steps in which nothing changes are skipped in one go.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use super::blocks::Blocks;
use super::policy::{Batching, Policy};
use super::request::Trace;

/// No seat.
const NONE: u32 = u32::MAX;

/// When things happened to each request \[s\]; NaN before they did.
#[derive(Clone, Debug, Default)]
pub struct Times {
    /// The engine took notice of it.
    pub queued: Vec<f64>,
    /// Its first chunk was scheduled.
    pub scheduled: Vec<f64>,
    /// Its first token was made.
    pub first: Vec<f64>,
    /// Its last token was made.
    pub last: Vec<f64>,
}

/// One step of a replica.
#[derive(Clone, Debug, Default)]
pub(super) struct Plan {
    pub decoding: u32,
    pub kept: f64,
    pub prefill: u32,
    pub attended: f64,
    /// Requests whose first token it makes.
    pub firsts: Vec<u32>,
}

impl Plan {
    pub fn is_empty(&self) -> bool {
        self.decoding == 0 && self.prefill == 0
    }

    pub fn is_plain_decode(&self) -> bool {
        self.prefill == 0 && self.firsts.is_empty()
    }
}

/// A running request.
#[derive(Clone, Copy, Debug)]
struct Seat {
    request: u32,
    /// Tokens to compute before the next token: the prompt, and the answer so far after a preemption.
    prompt: u32,
    /// How many of them are computed.
    done: u32,
    /// Tokens of the answer still to make.
    left: u32,
    /// Tick in which the prompt was done.
    start: u64,
    /// Tick of the last token; `u64::MAX` before the prompt is done.
    finish: u64,
    /// Blocks of its own.
    own: u32,
    /// Entries of its prefix that are shared.
    shared: u32,
    /// Whether it has made a token before.
    resumed: bool,
    older: u32,
    newer: u32,
}

/// One engine.
#[derive(Clone, Debug)]
pub(super) struct Rank {
    pub tick: u64,
    pub blocks: Blocks,
    pub preemptions: u64,
    pub prefilled: u64,
    pub cached: u64,
    /// Whether the head of the queue waits for a seat or for blocks, not for the next step.
    blocked: bool,
    decoding: u32,
    /// Sum of `prompt - start` over the decoding.
    base: i64,
    /// Decoding requests by the tick, modulo the block size, in which they need a block.
    phases: Vec<u32>,
    finishing: BinaryHeap<Reverse<(u64, u32)>>,
    leaving: Vec<u32>,
    prefilling: VecDeque<u32>,
    waiting: VecDeque<u32>,
    /// Requests of the queue's end that the engine has not noticed yet.
    unseen: usize,
    /// Request that was preempted last, and how many of its blocks still hold what they held.
    remains: (u32, u32),
    /// Preempted: request, prompt, tokens left; the last goes first.
    resumed: Vec<(u32, u32, u32)>,
    seats: Vec<Seat>,
    vacant: Vec<u32>,
    running: u32,
    newest: u32,
}

/// Request, prompt, tokens left, whether it has made a token before.
type Candidate = (u32, u32, u32, bool);

impl Rank {
    pub fn new(policy: &Policy, blocks: Blocks) -> Self {
        Self {
            tick: 0,
            blocks,
            preemptions: 0,
            prefilled: 0,
            cached: 0,
            blocked: false,
            decoding: 0,
            base: 0,
            phases: vec![0; policy.block_size as usize],
            finishing: BinaryHeap::new(),
            leaving: Vec::new(),
            prefilling: VecDeque::new(),
            waiting: VecDeque::new(),
            unseen: 0,
            remains: (NONE, 0),
            resumed: Vec::new(),
            seats: Vec::new(),
            vacant: Vec::new(),
            running: 0,
            newest: NONE,
        }
    }

    pub fn push(&mut self, request: u32) {
        self.waiting.push_back(request);
        self.unseen += 1;
    }

    /// Requests in the queue and running.
    pub fn load(&self) -> (usize, usize) {
        (self.waiting.len() + self.resumed.len(), self.running as usize)
    }

    pub fn is_idle(&self) -> bool {
        self.running == 0 && self.waiting.is_empty() && self.resumed.is_empty()
    }

    /// Steps after the scheduled one that would be scheduled alike if no request arrived, at most `most`.
    pub fn alike(&self, most: u64) -> u64 {
        let queue = self.waiting.is_empty() && self.resumed.is_empty();
        if !self.leaving.is_empty() || !self.prefilling.is_empty() || !(queue || self.blocked) {
            return 0;
        }
        if self.decoding == 0 {
            return most;
        }
        let finish = self.finishing.peek().map_or(u64::MAX, |Reverse((finish, _))| *finish);
        let most = most.min(finish.saturating_sub(self.tick));
        if self.needed(most) <= u64::from(self.blocks.available()) {
            return most;
        }
        // Blocks run out before: count whole rounds, then ticks.
        let room = u64::from(self.blocks.available());
        let round = self.phases.len() as u64;
        let mut steps = room / u64::from(self.decoding) * round;
        while self.needed(steps + 1) <= room {
            steps += 1;
        }
        steps.min(most)
    }

    /// Blocks that the decoding need in the next `steps` ticks.
    fn needed(&self, steps: u64) -> u64 {
        let round = self.phases.len() as u64;
        let rest = (0..steps % round).map(|step| u64::from(self.phases[((self.tick + 1 + step) % round) as usize])).sum::<u64>();
        steps / round * u64::from(self.decoding) + rest
    }

    /// Goes over steps that are alike.
    pub fn skip(&mut self, steps: u64) {
        if self.decoding > 0 {
            // `alike` has seen that there are as many; neither number exceeds the pool.
            let taken = self.take(self.needed(steps) as u32);
            debug_assert!(taken);
            self.tick += steps;
        }
    }

    /// Decides the next step.
    pub fn schedule(&mut self, now: f64, policy: &Policy, trace: &Trace, times: &mut Times) -> Plan {
        let queue = self.waiting.len();
        for request in self.waiting.range(queue - self.unseen..) {
            times.queued[*request as usize] = now;
        }
        self.unseen = 0;
        if policy.schedule_ahead {
            // Whoever made the last token in the step that has just ended goes; whoever makes it in the one that starts
            // keeps the seat until that ends.
            self.release(now, trace, times);
            self.finish();
        } else {
            self.finish();
            self.release(now, trace, times);
        }
        self.blocked = false;
        let mut plan = Plan::default();
        let admits = policy.batching != Batching::Static || self.running == 0;
        if policy.batching == Batching::PrefillFirst {
            let budget = policy.max_num_batched_tokens;
            let preempted = self.continue_prompts(&mut plan, budget, policy, trace);
            if !preempted {
                self.admit(&mut plan, budget, now, policy, trace, times);
            }
            if plan.prefill == 0 {
                self.decode(&mut plan, trace);
            }
            return plan;
        }
        let mut preempted = self.decode(&mut plan, trace);
        let budget = if policy.batching == Batching::Static { u32::MAX } else { policy.max_num_batched_tokens };
        preempted |= self.continue_prompts(&mut plan, budget, policy, trace);
        if admits && !preempted {
            self.admit(&mut plan, budget, now, policy, trace, times);
        } else if !admits {
            self.blocked = true;
        }
        plan
    }

    /// Takes out who has made, or is making, the last token.
    fn finish(&mut self) {
        while let Some(Reverse((tick, index))) = self.finishing.peek().copied() {
            if tick > self.tick {
                break;
            }
            self.finishing.pop();
            let seat = self.seats[index as usize];
            // The entry of a preempted request is void; the seat may have another's.
            if seat.finish == tick {
                self.stop_decoding(index);
                self.seats[index as usize].finish = u64::MAX;
                self.unlink(index);
                self.leaving.push(index);
            }
        }
    }

    fn release(&mut self, now: f64, trace: &Trace, times: &mut Times) {
        while let Some(index) = self.leaving.pop() {
            times.last[self.seats[index as usize].request as usize] = now;
            self.vacate(index, trace);
        }
    }

    fn vacate(&mut self, index: u32, trace: &Trace) {
        let seat = self.seats[index as usize];
        self.blocks.give(seat.own);
        self.blocks.unpin(&trace.prefix(seat.request as usize)[..seat.shared as usize]);
        self.vacant.push(index);
        self.running -= 1;
    }

    fn start_decoding(&mut self, index: u32) {
        let seat = &mut self.seats[index as usize];
        seat.start = self.tick;
        seat.finish = self.tick + u64::from(seat.left) - 1;
        self.finishing.push(Reverse((seat.finish, index)));
        if seat.left > 1 {
            let phase = phase(seat, self.phases.len());
            self.base += i64::from(seat.prompt) - seat.start as i64;
            self.decoding += 1;
            self.phases[phase] += 1;
        }
    }

    fn stop_decoding(&mut self, index: u32) {
        let seat = &self.seats[index as usize];
        if seat.left > 1 {
            // Blocks that it took while it decoded are its own.
            let grown = (self.tick.min(seat.finish) - seat.start) as u32;
            let block = self.phases.len() as u32;
            let more = (seat.prompt + grown).div_ceil(block) - seat.prompt.div_ceil(block);
            let phase = phase(seat, self.phases.len());
            self.base -= i64::from(seat.prompt) - seat.start as i64;
            self.decoding -= 1;
            self.phases[phase] -= 1;
            self.seats[index as usize].own += more;
        }
    }

    /// Gives every decoding request a token, and blocks to those that need one; true if somebody was preempted for them.
    fn decode(&mut self, plan: &mut Plan, trace: &Trace) -> bool {
        let round = self.phases.len() as u64;
        let phase = ((self.tick + 1) % round) as usize;
        let mut preempted = false;
        while self.phases[phase] > self.blocks.available() {
            preempted = true;
            self.preempt(self.tick, trace);
        }
        self.tick += 1;
        let taken = self.take(self.phases[phase]);
        debug_assert!(taken);
        plan.decoding = self.decoding;
        plan.kept = (self.base + i64::from(self.decoding) * self.tick as i64) as f64;
        preempted
    }

    /// Puts the running request that came last back to the head of the queue, with the tokens that it made until `tick`; it
    /// will be computed anew.
    fn preempt(&mut self, tick: u64, trace: &Trace) {
        let index = self.newest;
        let seat = self.seats[index as usize];
        let mut again = (seat.request, seat.prompt, seat.left);
        let mut made = seat.resumed;
        if seat.finish == u64::MAX {
            self.prefilling.pop_back();
        } else {
            let tokens = (tick + 1 - seat.start) as u32;
            again = (seat.request, seat.prompt + tokens, seat.left - tokens);
            made = true;
            self.stop_decoding(index);
            self.seats[index as usize].finish = u64::MAX;
        }
        self.unlink(index);
        self.remains = (seat.request, self.seats[index as usize].own);
        self.vacate(index, trace);
        // Its blocks may do for the head of the queue.
        self.blocked = false;
        self.preemptions += 1;
        if made {
            self.resumed.push(again);
        } else {
            self.waiting.push_front(seat.request);
        }
    }

    /// Goes on with prompts that are partly done; true if somebody was preempted for them.
    fn continue_prompts(&mut self, plan: &mut Plan, budget: u32, policy: &Policy, trace: &Trace) -> bool {
        let mut preempted = false;
        let mut position = 0;
        while position < self.prefilling.len() {
            let index = self.prefilling[position];
            let seat = self.seats[index as usize];
            let room = budget.saturating_sub(plan.decoding).saturating_sub(plan.prefill);
            let chunk = (seat.prompt - seat.done).min(policy.longest_chunk.unwrap_or(u32::MAX)).min(room);
            if chunk == 0 {
                break;
            }
            let shared = seat.shared * span(policy, trace);
            let need = (seat.done + chunk).div_ceil(policy.block_size) - shared - seat.own;
            if !self.take(need) {
                // The last one to come gives way, which may be this one.
                preempted = true;
                let itself = self.newest == index;
                if plan.decoding == 0 {
                    self.preempt(self.tick, trace);
                } else {
                    // Whoever gives way does not decode in this step after all.
                    self.preempt(self.tick - 1, trace);
                    plan.decoding = self.decoding;
                    plan.kept = (self.base + i64::from(self.decoding) * self.tick as i64) as f64;
                }
                if itself {
                    break;
                }
                continue;
            }
            self.seats[index as usize].own += need;
            if self.compute(index, chunk, plan, policy, trace) {
                self.prefilling.remove(position);
            } else {
                position += 1;
            }
        }
        preempted
    }

    /// Computes a chunk of a prompt; true when the prompt is done.
    fn compute(&mut self, index: u32, chunk: u32, plan: &mut Plan, policy: &Policy, trace: &Trace) -> bool {
        let span = span(policy, trace);
        let seat = &mut self.seats[index as usize];
        plan.prefill += chunk;
        plan.attended += f64::from(chunk) * (f64::from(seat.done) + f64::from(chunk) / 2.0);
        self.prefilled += u64::from(chunk);
        seat.done += chunk;
        if seat.done < seat.prompt {
            return false;
        }
        if !seat.resumed {
            plan.firsts.push(seat.request);
        }
        seat.resumed = true;
        if span > 0 {
            let prefix = trace.prefix(seat.request as usize);
            let input = trace.requests[seat.request as usize].input;
            let whole = ((input / trace.prefix_block) as usize).min(prefix.len());
            if whole > seat.shared as usize {
                let fresh = self.blocks.share(&prefix[seat.shared as usize..whole]) as u32;
                seat.shared += fresh;
                seat.own -= fresh * span;
            }
        }
        self.start_decoding(index);
        true
    }

    /// Takes requests from the queue while there are seats, tokens and blocks.
    fn admit(&mut self, plan: &mut Plan, budget: u32, now: f64, policy: &Policy, trace: &Trace, times: &mut Times) {
        let span = span(policy, trace);
        while let Some((request, prompt, left, resumed)) = self.head(trace) {
            if self.running >= policy.max_num_seqs {
                self.blocked = true;
                return;
            }
            let room = budget.saturating_sub(plan.decoding).saturating_sub(plan.prefill);
            if room == 0 {
                return;
            }
            let prefix = if span > 0 { trace.prefix(request as usize) } else { &[] };
            let (mut hits, mut idle) = self.blocks.resident(prefix);
            // At least the last token is computed, or there would be no next one.
            while hits > 0 && hits as u32 * trace.prefix_block >= prompt {
                hits -= 1;
                idle = self.blocks.resident(&prefix[..hits]).1;
            }
            let mut cached = hits as u32 * trace.prefix_block;
            if policy.prefix_caching && self.remains.0 == request {
                // What is left of its own blocks need not be computed again.
                cached = (cached + self.remains.1 * policy.block_size).min((prompt - 1) / policy.block_size * policy.block_size);
            }
            let rest = prompt - cached;
            let chunk = rest.min(policy.longest_chunk.unwrap_or(u32::MAX)).min(room);
            if policy.batching == Batching::PrefillFirst && chunk < rest && plan.prefill > 0 {
                // Whole prompts: the rest of a longer one than a step has a step of its own.
                return;
            }
            let blocks = |tokens: u32| tokens.div_ceil(policy.block_size) - hits as u32 * span;
            let need = blocks(cached + chunk);
            let asked = if policy.reserve_whole_prompt { blocks(prompt) } else { need };
            if asked > self.blocks.available().saturating_sub(idle * span) {
                self.blocked = true;
                return;
            }
            self.blocks.pin(&prefix[..hits]);
            let taken = self.take(need);
            debug_assert!(taken);
            if self.resumed.pop().is_none() {
                self.waiting.pop_front();
            }
            if times.scheduled[request as usize].is_nan() {
                times.scheduled[request as usize] = now;
            }
            self.cached += u64::from(cached);
            let seat = Seat {
                request,
                prompt,
                done: cached,
                left,
                start: 0,
                finish: u64::MAX,
                own: need,
                shared: hits as u32,
                resumed,
                older: NONE,
                newer: NONE,
            };
            let index = self.sit(seat);
            if !self.compute(index, chunk, plan, policy, trace) {
                self.prefilling.push_back(index);
            }
        }
    }

    /// Takes blocks; those of the request that was preempted last go first, as they were the only free ones then.
    fn take(&mut self, count: u32) -> bool {
        let taken = self.blocks.take(count);
        if taken {
            self.remains.1 = self.remains.1.saturating_sub(count);
        }
        taken
    }

    fn head(&self, trace: &Trace) -> Option<Candidate> {
        if let Some((request, prompt, left)) = self.resumed.last() {
            return Some((*request, *prompt, *left, true));
        }
        let request = *self.waiting.front()?;
        let it = trace.requests[request as usize];
        Some((request, it.input, it.output, false))
    }

    fn sit(&mut self, mut seat: Seat) -> u32 {
        seat.older = self.newest;
        let index = self.vacant.pop().unwrap_or(self.seats.len() as u32);
        if index as usize == self.seats.len() {
            self.seats.push(seat);
        } else {
            self.seats[index as usize] = seat;
        }
        if self.newest != NONE {
            self.seats[self.newest as usize].newer = index;
        }
        self.newest = index;
        self.running += 1;
        index
    }

    fn unlink(&mut self, index: u32) {
        let Seat { older, newer, .. } = self.seats[index as usize];
        if older != NONE {
            self.seats[older as usize].newer = newer;
        }
        if newer == NONE {
            self.newest = older;
        } else {
            self.seats[newer as usize].older = older;
        }
    }
}

/// In which ticks, modulo the block size, a decoding request needs a block: where `prompt + tick - start - 1` tokens fill
/// whole blocks.
fn phase(seat: &Seat, block: usize) -> usize {
    ((seat.start + 1) as i64 - i64::from(seat.prompt)).rem_euclid(block as i64) as usize
}

/// Blocks of an entry of the prefix cache; 0 without one.
fn span(policy: &Policy, trace: &Trace) -> u32 {
    if policy.prefix_caching && !trace.prefix_ends.is_empty() { trace.prefix_block / policy.block_size } else { 0 }
}
