//! Objects that no table has any more, freed a few at a time.

use std::collections::BTreeSet;

use oxbeam_runtime::dirty;

use crate::hash::Shard;
use crate::object::Object;
use crate::queue::Queue;

/// So many objects are freed at once without a thought.
const FEW: usize = 1000;

/// What is to be freed. What is left of it when it is dropped goes to a dirty scheduler, if it is
/// much.
#[derive(Default)]
pub struct Garbage {
    shards: Vec<Shard>,
    trees: Vec<BTreeSet<Object>>,
    loose: Queue,
}

impl Garbage {
    pub fn add_shard(&mut self, shard: Shard) {
        self.shards.push(shard);
    }
    pub fn add_tree(&mut self, tree: BTreeSet<Object>) {
        self.trees.push(tree);
    }
    /// Objects that are in no table (yet): what is left here is garbage.
    pub fn loose(&mut self) -> &mut Queue {
        &mut self.loose
    }

    /// Objects to be freed; for shards, an estimate.
    fn count(&self) -> usize {
        let shards: usize = self.shards.iter().map(Shard::bucket_count).sum();
        shards + self.trees.iter().map(BTreeSet::len).sum::<usize>() + self.loose.len()
    }

    pub fn is_large(&self) -> bool {
        self.count() > FEW
    }

    /// Frees about `units` objects. Whether nothing is left.
    pub fn free_some(&mut self, units: &mut usize) -> bool {
        while *units > 0 {
            *units -= 1;
            if let Some(shard) = self.shards.last_mut() {
                if !shard.drop_bucket() {
                    self.shards.pop();
                }
            } else if let Some(tree) = self.trees.last_mut() {
                if tree.pop_first().is_none() {
                    self.trees.pop();
                }
            } else if self.loose.pop_front().is_none() {
                return true;
            }
        }
        false
    }
}

impl Drop for Garbage {
    fn drop(&mut self) {
        if self.is_large() {
            let rest = (
                std::mem::take(&mut self.shards),
                std::mem::take(&mut self.trees),
                std::mem::take(&mut self.loose),
            );
            dirty::run_errand(move || drop(rest));
        }
    }
}
