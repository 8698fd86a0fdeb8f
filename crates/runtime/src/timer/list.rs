//! The timers that are to send to one process: places with timers, and free ones chained.

use super::TimerKey;
use crate::chunks::Chunks;

const NONE: u32 = u32::MAX;
/// Places up to which an empty list keeps its memory.
const KEPT_PLACES: usize = 16;

enum Place {
    Timer(TimerKey),
    /// The next free place.
    Free(u32),
}

impl Place {
    fn number(&self) -> u64 {
        if let Place::Timer(key) = self { key.number() } else { 0 }
    }
}

pub struct TimerList {
    places: Chunks<Place>,
    first_free: u32,
    len: usize,
}

impl Default for TimerList {
    fn default() -> TimerList {
        TimerList { places: Chunks::default(), first_free: NONE, len: 0 }
    }
}

impl TimerList {
    /// Sets a timer, which is told its place.
    pub fn add(&mut self, set: impl FnOnce(u32) -> TimerKey) -> TimerKey {
        let free = self.first_free;
        let key;
        match self.places.get_mut(free as usize) {
            Some(place) => {
                key = set(free);
                if let Place::Free(next) = std::mem::replace(place, Place::Timer(key)) {
                    self.first_free = next;
                }
            }
            None => {
                key = set(self.places.len() as u32);
                self.places.push(Place::Timer(key));
            }
        }
        self.len += 1;
        key
    }

    /// Frees the place of a timer that is gone, if it is that timer's. Gives whether the list is
    /// empty and larger than one that is kept.
    pub fn free(&mut self, place: u32, number: u64) -> bool {
        match self.places.get_mut(place as usize) {
            Some(at @ Place::Timer(_)) if at.number() == number => {
                *at = Place::Free(self.first_free);
                self.first_free = place;
                self.len -= 1;
            }
            // A list of another process, which got the pid meanwhile.
            _ => {}
        }
        self.len == 0 && self.places.len() > KEPT_PLACES
    }

    pub fn len(&self) -> usize {
        self.len
    }

    /// All timers.
    pub fn keys(&self) -> impl Iterator<Item = TimerKey> + '_ {
        self.places.iter().filter_map(|place| match place {
            Place::Timer(key) => Some(*key),
            Place::Free(_) => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::num::NonZeroU64;

    fn add(list: &mut TimerList, number: u64) -> u32 {
        let mut at = NONE;
        list.add(|place| {
            at = place;
            TimerKey { number: NonZeroU64::new(number).unwrap(), node: 0 }
        });
        at
    }

    #[test]
    fn free_places_are_used_again() {
        let mut list = TimerList::default();
        let places: Vec<u32> = (1..=20).map(|number| add(&mut list, number)).collect();
        assert_eq!(places, (0..20).collect::<Vec<_>>());
        assert!(!list.free(3, 4) && !list.free(7, 8) && !list.free(8, 1));
        assert_eq!((add(&mut list, 21), add(&mut list, 22)), (7, 3));
        assert_eq!(add(&mut list, 23), 20);
        assert_eq!((list.len(), list.keys().count()), (21, 21));
        let numbers = (1..=21).map(|number| match number {
            4 => 22,
            8 => 21,
            21 => 23,
            number => number,
        });
        let empty: Vec<bool> =
            (0..).zip(numbers).map(|(at, number)| list.free(at, number)).collect();
        assert!(empty[20] && !empty[..20].contains(&true));
        assert_eq!(list.keys().count(), 0);
    }
}
