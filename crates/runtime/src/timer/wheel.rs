//! A hierarchical timing wheel: setting and cancelling take the same time however many timers
//! there are.
//!
//! 1. Time is cut into ticks. Level 0 has a slot for each of the 64 ticks that share all digits
//!    (in base 64) with the present tick but the last; level 1 one for each 64 ticks that share
//!    all but the last two; and so on. A timer is on the level of the highest digit in which its
//!    tick differs from the present one, in the slot of that digit.
//! 2. So everything on a level is due before anything on a higher level, and within a level slots
//!    are due in ascending order. When the present reaches the first tick of a slot, its timers
//!    move down.
//! 3. A timer of the present tick or an earlier one is near: in a row if it came from a slot, in
//!    `near` if it was set so late. Both are ordered by deadline and then by number: from there
//!    timers are taken, each at its own nanosecond. Those that come from slots at one time are
//!    sorted all at once, and make a row; of several rows the first timers are compared.
//! 4. Of a slot with very many timers so many move at a time as hold nobody up. The rest waits,
//!    in no slot any more, and nothing else happens to the wheel's present before they have moved.
//! 5. A timer is a node of a slab. Its number is never used again, so a near place whose number is
//!    not that of the node is one of a cancelled timer.

use crate::chunks::Chunks;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Nanoseconds of a tick, as a shift: about a millisecond.
const TICK_SHIFT: u32 = 20;
const DIGIT_BITS: u32 = 6;
const SLOTS: usize = 1 << DIGIT_BITS;
/// Enough for every deadline.
const LEVELS: usize = (i64::BITS - TICK_SHIFT).div_ceil(DIGIT_BITS) as usize;
const NONE: u32 = u32::MAX;
/// Timers that move at a time (rule 4).
const MOVES: usize = if cfg!(test) { 3 } else { 2048 };
/// Nodes up to which an empty slab keeps its memory.
const KEPT_NODES: usize = 1024;

/// Where a timer is: its node, and its number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place {
    pub node: u32,
    pub number: u64,
}

enum Position {
    Free,
    Near,
    Slot { level: u8, slot: u8 },
}

struct Node<T> {
    deadline_ns: i64,
    /// 0 while the node is free.
    number: u64,
    position: Position,
    /// Neighbours in the slot; `next` also chains free nodes.
    previous: u32,
    next: u32,
    event: Option<T>,
}

#[derive(Clone, Copy)]
struct Slot {
    first: u32,
    /// No timer of the slot is due before this.
    earliest_ns: i64,
}

const EMPTY: Slot = Slot { first: NONE, earliest_ns: i64::MAX };

struct Level {
    /// A bit for each slot that is not empty.
    occupied: u64,
    slots: [Slot; SLOTS],
}

/// Deadline, number and node of a near timer.
type NearPlace = (i64, u64, u32);

/// The timers of one shard.
pub struct Wheel<T> {
    now_tick: u64,
    len: usize,
    levels: [Level; LEVELS],
    near: BinaryHeap<Reverse<NearPlace>>,
    /// The first timer of each row, and the number of the row.
    heads: BinaryHeap<Reverse<(NearPlace, u32)>>,
    /// What comes behind the first of each row: the last is the first that is due.
    rows: Vec<Vec<NearPlace>>,
    /// Numbers of rows that are over.
    free_rows: Vec<u32>,
    nodes: Chunks<Node<T>>,
    free: u32,
    /// The first of those that are to move on (rule 4).
    moving: u32,
}

fn tick(ns: i64) -> u64 {
    ns.max(0) as u64 >> TICK_SHIFT
}

impl<T> Default for Wheel<T> {
    fn default() -> Wheel<T> {
        Wheel {
            now_tick: 0,
            len: 0,
            levels: std::array::from_fn(|_| Level { occupied: 0, slots: [EMPTY; SLOTS] }),
            near: BinaryHeap::new(),
            heads: BinaryHeap::new(),
            rows: vec![],
            free_rows: vec![],
            nodes: Chunks::default(),
            free: NONE,
            moving: NONE,
        }
    }
}

impl<T> Wheel<T> {
    /// What all timers are to do.
    pub fn events(&self) -> impl Iterator<Item = &T> {
        self.nodes.iter().filter_map(|node| node.event.as_ref())
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds a timer; `number` is not 0 and new.
    pub fn insert(&mut self, deadline_ns: i64, number: u64, event: T) -> Place {
        let new = Node {
            deadline_ns,
            number,
            position: Position::Free,
            previous: NONE,
            next: NONE,
            event: Some(event),
        };
        let node = self.free;
        let node = if node == NONE {
            self.nodes.push(new);
            (self.nodes.len() - 1) as u32
        } else {
            self.free = self.nodes[node as usize].next;
            self.nodes[node as usize] = new;
            node
        };
        self.len += 1;
        if let Some(near) = self.put(node) {
            self.near.push(Reverse(near));
        }
        Place { node, number }
    }

    /// Puts a node where rule 1 says; gives it back if it is near (rule 3).
    fn put(&mut self, node: u32) -> Option<NearPlace> {
        let this = &mut self.nodes[node as usize];
        let at = tick(this.deadline_ns);
        if at <= self.now_tick {
            this.position = Position::Near;
            return Some((this.deadline_ns, this.number, node));
        }
        let level = (at ^ self.now_tick).ilog2() / DIGIT_BITS;
        let slot = at >> (level * DIGIT_BITS) & (SLOTS as u64 - 1);
        this.position = Position::Slot { level: level as u8, slot: slot as u8 };
        let level = &mut self.levels[level as usize];
        level.occupied |= 1 << slot;
        let slot = &mut level.slots[slot as usize];
        slot.earliest_ns = slot.earliest_ns.min(this.deadline_ns);
        (this.previous, this.next) = (NONE, slot.first);
        if slot.first != NONE {
            self.nodes[slot.first as usize].previous = node;
        }
        slot.first = node;
        None
    }

    /// Takes a timer out before it is due; `None`: it is not here any more.
    pub fn remove(&mut self, place: Place) -> Option<(i64, T)> {
        let node =
            self.nodes.get(place.node as usize).filter(|node| node.number == place.number)?;
        if let Position::Slot { level, slot } = node.position {
            self.unlink(place.node, level as usize, slot as usize);
        }
        Some(self.release(place.node))
    }

    /// The deadline of a timer that is still here.
    pub fn deadline_ns(&self, place: Place) -> Option<i64> {
        let node = self.nodes.get(place.node as usize)?;
        (node.number == place.number).then_some(node.deadline_ns)
    }

    fn unlink(&mut self, node: u32, level: usize, slot: usize) {
        let Node { previous, next, .. } = self.nodes[node as usize];
        if next != NONE {
            self.nodes[next as usize].previous = previous;
        }
        if previous != NONE {
            self.nodes[previous as usize].next = next;
            return;
        }
        if node == self.moving {
            self.moving = next;
            return;
        }
        let level = &mut self.levels[level];
        level.slots[slot].first = next;
        if next == NONE {
            level.slots[slot] = EMPTY;
            level.occupied &= !(1 << slot);
        }
    }

    /// Frees a node that is in no slot; its place in `near`, if it has one, is void (rule 5).
    fn release(&mut self, node: u32) -> (i64, T) {
        let this = &mut self.nodes[node as usize];
        let event = this.event.take().expect("a timer has an event until it is released");
        (this.number, this.position, this.next) = (0, Position::Free, self.free);
        let deadline_ns = this.deadline_ns;
        self.free = node;
        self.len -= 1;
        if self.len == 0 {
            self.clear();
        }
        (deadline_ns, event)
    }

    /// Forgets what a crowd of timers that are gone has left behind.
    fn clear(&mut self) {
        self.near.clear();
        self.heads.clear();
        (self.rows, self.free_rows) = (vec![], vec![]);
        if self.nodes.len() > KEPT_NODES {
            (self.nodes, self.near) = (Chunks::default(), BinaryHeap::new());
            self.heads = BinaryHeap::new();
            self.free = NONE;
        }
    }

    /// No timer is due before this; `i64::MAX`: there is none. It is exact but where a timer has
    /// been cancelled, or timers wait to move.
    pub fn next_ns(&mut self) -> i64 {
        if self.moving != NONE {
            return i64::MIN;
        }
        if let Some((deadline_ns, ..)) = self.first_near() {
            return deadline_ns;
        }
        let first = self.levels.iter().find(|level| level.occupied != 0);
        first.map_or(i64::MAX, |level| {
            level.slots[level.occupied.trailing_zeros() as usize].earliest_ns
        })
    }

    /// The first near timer, behind those that were cancelled.
    fn first_near(&mut self) -> Option<NearPlace> {
        let is_set =
            |nodes: &Chunks<Node<T>>, place: &NearPlace| nodes[place.2 as usize].number == place.1;
        while self.heads.peek().is_some_and(|head| !is_set(&self.nodes, &head.0.0)) {
            self.next_of_row();
        }
        while self.near.peek().is_some_and(|place| !is_set(&self.nodes, &place.0)) {
            self.near.pop();
        }
        let alone = self.near.peek().map(|place| place.0);
        match (self.heads.peek().map(|head| head.0.0), alone) {
            (Some(place), Some(alone)) => Some(place.min(alone)),
            (place, alone) => place.or(alone),
        }
    }

    /// Takes the first head away; the next one of its row takes its place.
    fn next_of_row(&mut self) {
        let Some(Reverse((_, row))) = self.heads.pop() else { return };
        match self.rows[row as usize].pop() {
            Some(next) => self.heads.push(Reverse((next, row))),
            None => self.free_rows.push(row),
        }
    }

    /// Makes a row of timers in any order.
    fn add_row(&mut self, mut row: Vec<NearPlace>) {
        row.sort_unstable_by(|a, b| b.cmp(a));
        let Some(first) = row.pop() else { return };
        let number = self.free_rows.pop().unwrap_or(self.rows.len() as u32);
        match self.rows.get_mut(number as usize) {
            Some(over) => *over = row,
            None => self.rows.push(row),
        }
        self.heads.push(Reverse((first, number)));
    }

    /// Takes the first timer that is due at `now_ns`. `None` also where others have to move first
    /// and some have: then [`Wheel::next_ns`] is still due.
    pub fn take_due(&mut self, now_ns: i64) -> Option<T> {
        loop {
            let next_ns = self.next_ns();
            if next_ns > now_ns {
                // Nothing is in a slot that begins by now, or it would have been nearer.
                return None;
            }
            if !self.advance(tick(now_ns)) {
                return None;
            }
            if let Some(place) = self.first_near() {
                if place.0 > now_ns {
                    return None;
                }
                if self.heads.peek().is_some_and(|head| head.0.0 == place) {
                    self.next_of_row();
                } else {
                    self.near.pop();
                }
                return Some(self.release(place.2).1);
            }
        }
    }

    /// Moves the present on, and the timers whose slots it reaches down (rule 2). `false`: not all
    /// of them yet (rule 4).
    fn advance(&mut self, to_tick: u64) -> bool {
        let (mut moves, mut row) = (MOVES, vec![]);
        while moves > 0 && (self.moving != NONE || self.reach_slot(to_tick)) {
            self.move_down(&mut moves, &mut row);
        }
        self.add_row(row);
        if moves > 0 {
            // What is left begins later, so its digits differ from the new present's where they
            // differed from the old one's.
            self.now_tick = self.now_tick.max(to_tick);
        }
        moves > 0
    }

    /// Moves the present on to the first slot that begins by `to_tick`, whose timers are to move.
    fn reach_slot(&mut self, to_tick: u64) -> bool {
        let occupied = self.levels.iter().position(|level| level.occupied != 0);
        let Some(level) = occupied else { return false };
        let slot = self.levels[level].occupied.trailing_zeros();
        let below = level as u32 * DIGIT_BITS;
        let above = self.now_tick >> below >> DIGIT_BITS << DIGIT_BITS << below;
        let start = above | u64::from(slot) << below;
        if start > to_tick {
            return false;
        }
        self.now_tick = start;
        self.moving = std::mem::replace(&mut self.levels[level].slots[slot as usize], EMPTY).first;
        self.levels[level].occupied &= !(1 << slot);
        true
    }

    /// Those that are near now go to `row`.
    fn move_down(&mut self, moves: &mut usize, row: &mut Vec<NearPlace>) {
        while self.moving != NONE && *moves > 0 {
            let node = self.moving;
            self.moving = self.nodes[node as usize].next;
            if self.moving != NONE {
                self.nodes[self.moving as usize].previous = NONE;
            }
            row.extend(self.put(node));
            *moves -= 1;
        }
    }

    /// Sets the present of an empty wheel, so that what comes in is on low levels.
    pub fn set_now(&mut self, now_ns: i64) {
        debug_assert!(self.is_empty());
        self.now_tick = self.now_tick.max(tick(now_ns));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    #[derive(Clone, Debug)]
    enum Step {
        Set(i64),
        Cancel(usize),
        Wait(i64),
    }

    fn step() -> impl Strategy<Value = Step> {
        let span = prop_oneof![
            0..5_000_000i64,
            0..200_000_000i64,
            0..10_000_000_000i64,
            0..i64::MAX / 2,
            -3_000_000..0i64
        ];
        let wait = prop_oneof![0..3_000_000i64, 0..100_000_000i64, 0..100_000_000_000i64];
        prop_oneof![
            4 => span.prop_map(Step::Set),
            2 => (0..64usize).prop_map(Step::Cancel),
            3 => wait.prop_map(Step::Wait),
        ]
    }

    /// Looks until something is due, or nothing has to move for it.
    fn take<T>(wheel: &mut Wheel<T>, now_ns: i64) -> Option<T> {
        loop {
            match wheel.take_due(now_ns) {
                None if wheel.next_ns() <= now_ns => {}
                due => return due,
            }
        }
    }

    fn run(start_ns: i64, steps: Vec<Step>) {
        let mut wheel = Wheel::default();
        let mut model: BTreeMap<(i64, u64), Place> = BTreeMap::new();
        let mut gone: Vec<Place> = vec![];
        let mut now_ns = start_ns;
        for (number, step) in (1..).zip(steps) {
            if wheel.is_empty() {
                wheel.set_now(now_ns);
            }
            match step {
                Step::Set(span) => {
                    let deadline_ns = now_ns.saturating_add(span);
                    let place = wheel.insert(deadline_ns, number, (deadline_ns, number));
                    model.insert((deadline_ns, number), place);
                }
                Step::Cancel(at) => {
                    if let Some((&key, &place)) = model.iter().nth(at) {
                        assert_eq!(wheel.deadline_ns(place), Some(key.0));
                        assert_eq!(wheel.remove(place), Some((key.0, key)));
                        model.remove(&key);
                        gone.push(place);
                    }
                }
                Step::Wait(span) => {
                    now_ns += span;
                    while let Some(key) = take(&mut wheel, now_ns) {
                        let (first, place) = model.pop_first().expect("the model has it too");
                        assert_eq!(key, first, "in the order of deadlines");
                        assert!(first.0 <= now_ns, "never early");
                        gone.push(place);
                    }
                    let first = model.first_key_value().map_or(i64::MAX, |(key, _)| key.0);
                    assert!(first > now_ns, "nothing that is due is left");
                }
            }
            let first = model.first_key_value().map_or(i64::MAX, |(key, _)| key.0);
            assert!(wheel.next_ns() <= first);
            assert_eq!(wheel.is_empty(), model.is_empty());
            assert!(gone.iter().all(|&place| wheel.deadline_ns(place).is_none()));
        }
    }

    proptest! {
        #[test]
        fn a_wheel_does_what_an_ordered_map_does(
            start_ns in 0..i64::MAX / 4,
            steps in prop::collection::vec(step(), 1..120),
        ) {
            run(start_ns, steps);
        }
    }

    #[test]
    fn a_million_timers_come_in_order_and_leave_no_memory() {
        let mut wheel = Wheel::default();
        let mut seed = 1u64;
        let mut random = move || {
            seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (seed >> 20) as i64 % 3_600_000_000_000
        };
        let places: Vec<(i64, Place)> = (1..=1_000_000u64)
            .map(|number| {
                let deadline_ns = random();
                (deadline_ns, wheel.insert(deadline_ns, number, (deadline_ns, number)))
            })
            .collect();
        for (deadline_ns, place) in places.iter().step_by(2) {
            assert_eq!(wheel.remove(*place).map(|(ns, _)| ns), Some(*deadline_ns));
        }
        let (mut last, mut taken) = ((i64::MIN, 0), 0);
        let mut now_ns = 0;
        while !wheel.is_empty() {
            now_ns += 7_000_000_000;
            while let Some(key) = take(&mut wheel, now_ns) {
                assert!(key > last && key.0 <= now_ns && key.0 > now_ns - 7_000_000_000);
                last = key;
                taken += 1;
            }
        }
        assert_eq!(taken, 500_000);
        assert_eq!(wheel.nodes.len(), 0);
    }

    #[test]
    fn few_move_at_a_time_and_one_that_is_to_move_can_be_cancelled() {
        let mut wheel = Wheel::default();
        let deadline_ns = 5_000_000_000;
        let places: Vec<Place> =
            (1..=10).map(|number| wheel.insert(deadline_ns, number, number)).collect();
        assert!(wheel.take_due(deadline_ns).is_none() && wheel.moving != NONE);
        assert!(places.iter().step_by(3).all(|&place| wheel.remove(place).is_some()));
        let rest: Vec<u64> = std::iter::from_fn(|| take(&mut wheel, deadline_ns)).collect();
        assert_eq!(rest, [2, 3, 5, 6, 8, 9]);
        assert!(wheel.is_empty() && wheel.next_ns() == i64::MAX);
    }

    #[test]
    fn timers_of_one_deadline_come_in_the_order_they_were_set() {
        let mut wheel = Wheel::default();
        (1..=1000).for_each(|number| _ = wheel.insert(5_000_000_000, number, number));
        assert_eq!(wheel.next_ns(), 5_000_000_000);
        assert!(take(&mut wheel, 4_999_999_999).is_none());
        (1..=1000).for_each(|number| assert_eq!(take(&mut wheel, 5_000_000_000), Some(number)));
        assert!(wheel.is_empty());
    }
}
