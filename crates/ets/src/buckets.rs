//! The buckets of a shard, whose number follows that of the objects a few buckets at a time.
//!
//! 1. A shard has 2^n buckets; which one a hash belongs to is said by the hash's first n bits. So
//!    buckets in their order hold objects in the order of their hashes, whatever n is.
//! 2. To get twice or half as many, the objects move from one array to another in the order of
//!    the buckets. Hashes before the frontier are in the new array, all others in the old one; the
//!    frontier never lies within a bucket of either. Who has the shard for itself moves it on.
//! 3. An array is made of chunks. The new array has chunks as far as the frontier has come, and the
//!    old one has none that lie wholly before it: no step takes, clears or gives back much memory.

use oxbeam_heap::block::{Category, count_bytes};

use crate::object::Object;

/// A chain of objects.
pub type Bucket = Option<Object>;

/// Buckets of a chunk, as a power of two; few in the zeal build, so that small tables have several.
const CHUNK_BITS: u32 = if cfg!(oxbeam_zeal) { 2 } else { 9 };
const CHUNK: usize = 1 << CHUNK_BITS;

/// So many buckets of the coarser array move when an object comes or goes.
const MOVES: usize = 4;

/// An array of buckets, counted as memory of tables (rule 3).
#[derive(Default)]
struct Array {
    bits: u32,
    chunks: Vec<Vec<Bucket>>,
}

/// The words of a vector are memory of tables from now on, or no more.
fn count<T>(vector: &Vec<T>, is_there: bool) {
    let bytes = (vector.capacity() * size_of::<T>()) as isize;
    count_bytes(if is_there { bytes } else { -bytes }, Category::Ets);
}

impl Array {
    #[inline]
    fn get(&self, index: usize) -> Option<&Bucket> {
        self.chunks.get(index >> CHUNK_BITS)?.get(index % CHUNK)
    }

    #[inline]
    fn get_mut(&mut self, index: usize) -> Option<&mut Bucket> {
        self.chunks.get_mut(index >> CHUNK_BITS)?.get_mut(index % CHUNK)
    }

    /// The bucket at an index, with the chunks up to its.
    fn made(&mut self, index: usize) -> &mut Bucket {
        while self.chunks.len() <= index >> CHUNK_BITS {
            let mut chunk = Vec::with_capacity(CHUNK.min(1 << self.bits));
            chunk.resize_with(chunk.capacity(), || None);
            count(&chunk, true);
            count(&self.chunks, false);
            // A small table has one chunk.
            if self.chunks.is_empty() {
                self.chunks.reserve_exact(1);
            }
            self.chunks.push(chunk);
            count(&self.chunks, true);
        }
        self.get_mut(index).expect("just made")
    }

    /// Gives a chunk's memory back.
    fn free_chunk(&mut self, at: usize) {
        if let Some(chunk) = self.chunks.get_mut(at) {
            count(chunk, false);
            *chunk = vec![];
        }
    }

    fn words(&self) -> usize {
        let own = self.chunks.capacity() * size_of::<Vec<Bucket>>() / 8;
        own + self.chunks.iter().map(Vec::capacity).sum::<usize>()
    }

    /// Buckets that are there, from one on.
    fn starting_at(&self, index: usize) -> impl Iterator<Item = &Bucket> {
        let chunks = self.chunks.get(index >> CHUNK_BITS..).unwrap_or(&[]);
        let (first, rest) = chunks.split_first().map_or((&[][..], chunks), |(first, rest)| {
            (first.get(index % CHUNK..).unwrap_or(&[]), rest)
        });
        first.iter().chain(rest.iter().flatten())
    }

    /// Takes the last bucket off.
    fn pop(&mut self) -> Option<Bucket> {
        loop {
            if let Some(bucket) = self.chunks.last_mut()?.pop() {
                return Some(bucket);
            }
            self.free_chunk(self.chunks.len() - 1);
            self.chunks.pop();
        }
    }
}

impl Drop for Array {
    fn drop(&mut self) {
        (0..self.chunks.len()).for_each(|at| self.free_chunk(at));
        count(&self.chunks, false);
    }
}

/// Where objects move from (rule 2).
struct Moving {
    old: Array,
    /// How many buckets of the coarser array have moved.
    moved: usize,
}

impl Moving {
    /// The index in the old array of the bucket of a hash that is not before the frontier.
    #[inline]
    fn index_of(&self, new: &Array, rest: u32) -> Option<usize> {
        let coarse = first_bits(rest, new.bits.min(self.old.bits));
        (coarse >= self.moved).then(|| first_bits(rest, self.old.bits))
    }
}

/// The first bits of a hash, as a number.
#[inline]
fn first_bits(rest: u32, bits: u32) -> usize {
    (u64::from(rest) << bits >> 32) as usize
}

/// The buckets of a shard.
pub struct Buckets {
    /// First bits of all hashes, which chose the shard.
    shard_bits: u32,
    /// Where objects are, or move to.
    new: Array,
    moving: Option<Box<Moving>>,
}

impl Buckets {
    pub fn new(shard_bits: u32) -> Buckets {
        Buckets { shard_bits, new: Array::default(), moving: None }
    }

    /// As many as there are, or will be when those that move have moved. None at first.
    pub fn count(&self) -> usize {
        match self.new.chunks.is_empty() && self.moving.is_none() {
            true => 0,
            false => 1 << self.new.bits,
        }
    }
    /// Words of the arrays.
    pub fn words(&self) -> usize {
        self.new.words() + self.moving.as_ref().map_or(0, |moving| moving.old.words())
    }

    /// The array in which the bucket of a hash is, and its index there.
    #[inline]
    fn place_of(&self, hash: u32) -> (&Array, usize) {
        let rest = hash << self.shard_bits;
        if let Some(moving) = &self.moving
            && let Some(index) = moving.index_of(&self.new, rest)
        {
            return (&moving.old, index);
        }
        (&self.new, first_bits(rest, self.new.bits))
    }

    /// The bucket of a hash; `None`: there is none yet.
    #[inline]
    pub fn get(&self, hash: u32) -> Option<&Bucket> {
        let (array, index) = self.place_of(hash);
        array.get(index)
    }

    #[inline]
    pub fn get_mut(&mut self, hash: u32) -> Option<&mut Bucket> {
        let rest = hash << self.shard_bits;
        if let Some(moving) = &mut self.moving
            && let Some(index) = moving.index_of(&self.new, rest)
        {
            return moving.old.get_mut(index);
        }
        self.new.get_mut(first_bits(rest, self.new.bits))
    }

    /// The bucket of a hash, which there is from now on.
    #[inline]
    pub fn made(&mut self, hash: u32) -> &mut Bucket {
        if self.count() == 0 {
            self.new.made(0);
        }
        self.get_mut(hash).expect("every hash has a bucket")
    }

    /// The first hash behind those of a hash's bucket.
    pub fn behind(&self, hash: u32) -> u64 {
        let (array, _) = self.place_of(hash);
        let width = 1 << (32 - self.shard_bits - array.bits);
        (u64::from(hash) / width + 1) * width
    }

    /// All buckets from that of a hash on, in order.
    pub fn starting_at(&self, hash: u32) -> impl Iterator<Item = &Bucket> {
        let rest = hash << self.shard_bits;
        let from_new = first_bits(rest, self.new.bits);
        let (new, old) = match &self.moving {
            None => (from_new, None),
            Some(moving) => match moving.index_of(&self.new, rest) {
                Some(from_old) => (usize::MAX, Some(moving.old.starting_at(from_old))),
                None => (from_new, Some(moving.old.starting_at(0))),
            },
        };
        self.new.starting_at(new).chain(old.into_iter().flatten())
    }

    /// Takes the last bucket off: for buckets that are given up.
    pub fn pop(&mut self) -> Option<Bucket> {
        let old = self.moving.as_mut().and_then(|moving| moving.old.pop());
        old.or_else(|| self.new.pop())
    }

    /// Sees to it that there are between about one bucket and two for each of so many objects:
    /// moves some, or begins to.
    pub fn fit(&mut self, objects: usize) {
        if self.moving.is_some() || self.begin(objects) {
            // Few move at once.
            let few = self.new.bits <= CHUNK_BITS;
            self.move_some(if few { CHUNK } else { MOVES });
        }
    }

    /// As [`Buckets::fit`], at about so many buckets. Whether all that are to move have moved.
    pub fn fit_some(&mut self, objects: usize, units: &mut usize) -> bool {
        while self.moving.is_some() || self.begin(objects) {
            self.move_some(MOVES);
            if *units == 0 {
                return false;
            }
            *units -= 1;
        }
        true
    }

    /// Whether buckets are to move now.
    fn begin(&mut self, objects: usize) -> bool {
        let (buckets, bits) = (self.count(), self.new.bits);
        let bits = if objects > buckets && bits + self.shard_bits < 32 {
            bits + 1
        } else if bits > 0 && 2 * objects < buckets - buckets / 16 {
            // A good deal fewer, so that a table of one size does not shrink and grow in turn.
            bits - 1
        } else {
            return false;
        };
        let old = std::mem::replace(&mut self.new, Array { bits, chunks: vec![] });
        self.moving = Some(Box::new(Moving { old, moved: 0 }));
        true
    }

    /// Moves so many buckets of the coarser array, or what is left.
    fn move_some(&mut self, count: usize) {
        let Some(moving) = &mut self.moving else { return };
        let merges = self.new.bits < moving.old.bits;
        let all = 1 << self.new.bits.min(moving.old.bits);
        let to = all.min(moving.moved + count);
        for at in moving.moved..to {
            if merges {
                merge(&mut moving.old, &mut self.new, at);
            } else {
                split(&mut moving.old, &mut self.new, at, self.shard_bits);
            }
            let old_moved = (at + 1) << u32::from(merges);
            if old_moved.is_multiple_of(CHUNK) {
                moving.old.free_chunk(old_moved / CHUNK - 1);
            }
        }
        moving.moved = to;
        if to == all {
            self.moving = None;
        }
    }
}

/// Moves the objects of an old bucket to the two new ones in its place.
fn split(old: &mut Array, new: &mut Array, at: usize, shard_bits: u32) {
    let bits = new.bits;
    let is_second = |object: &Object| first_bits(object.hash() << shard_bits, bits) != 2 * at;
    let mut first = old.get_mut(at).and_then(Option::take);
    let mut link = &mut first;
    while link.as_ref().is_some_and(|object| !is_second(object)) {
        link = link.as_mut().expect("just looked at").next_mut();
    }
    *new.made(2 * at + 1) = link.take();
    *new.made(2 * at) = first;
}

/// Moves the objects of two old buckets to the new one in their place.
fn merge(old: &mut Array, new: &mut Array, at: usize) {
    let second = old.get_mut(2 * at + 1).and_then(Option::take);
    let bucket = new.made(at);
    *bucket = old.get_mut(2 * at).and_then(Option::take);
    let mut link = bucket;
    while let Some(object) = link {
        link = object.next_mut();
    }
    *link = second;
}
