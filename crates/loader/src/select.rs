//! `select_val` and `select_tuple_arity`: tables of values and labels.

use crate::emit::Fix;
use crate::instruction::{list, tuple_header};
use crate::transform::{Fault, Loader, fault};
use oxbeam_beam_file::Operand;
use oxbeam_ops::specific::Template as T;
use oxbeam_term::RawTerm;

/// A table indexed by the value may have this many slots for each value.
const DENSE_SLOTS_PER_VALUE: i64 = 2;

impl Loader<'_> {
    pub(crate) fn select_val(&mut self, args: &[Operand]) -> Result<bool, Fault> {
        let default = self.target(args[1])?;
        let mut rows = Vec::new();
        for pair in self.pairs(args)? {
            let Some(value) = self.emit.constant(pair.0) else { return Err(Fault::Operand) };
            rows.push((value, pair.1));
        }
        if rows.iter().any(|(value, _)| !value.is_immediate()) {
            self.put(T::select_any, &args[..1], &[default])?;
        } else if let Some((first, slots)) = dense(&rows, default) {
            self.put(T::select_dense, &args[..1], &[default, Fix::Word(first as u64)])?;
            self.emit.fix(Fix::Word(slots.len() as u64));
            slots.into_iter().for_each(|slot| self.emit.fix(slot));
            return Ok(true);
        } else {
            rows.sort_by_key(|(value, _)| value.0);
            self.put(T::select_val, &args[..1], &[default])?;
        }
        self.emit.fix(Fix::Word(2 * rows.len() as u64));
        for (value, label) in rows {
            self.emit.fix(Fix::Word(value.0));
            self.emit.fix(label);
        }
        Ok(true)
    }

    pub(crate) fn select_tuple_arity(&mut self, args: &[Operand]) -> Result<bool, Fault> {
        let default = self.target(args[1])?;
        let pairs = self.pairs(args)?;
        self.put(T::select_arity, &args[..1], &[default])?;
        self.emit.fix(Fix::Word(2 * pairs.len() as u64));
        for (arity, label) in pairs {
            self.emit.fix(Fix::Word(tuple_header(arity)?));
            self.emit.fix(label);
        }
        Ok(true)
    }

    fn pairs(&mut self, args: &[Operand]) -> Result<Vec<(Operand, Fix)>, Fault> {
        let rows = list(args, 2)?;
        if rows.len() % 2 != 0 {
            return fault("a value without a label");
        }
        rows.chunks(2).map(|pair| Ok((pair[0], self.target(pair[1])?))).collect()
    }
}

/// The smalls of `rows` as a table from the least one on, if that is compact.
fn dense(rows: &[(RawTerm, Fix)], default: Fix) -> Option<(i64, Vec<Fix>)> {
    if rows.len() < 4 {
        return None;
    }
    let values: Option<Vec<i64>> = rows.iter().map(|(value, _)| value.as_small()).collect();
    let values = values?;
    let (first, last) = (*values.iter().min()?, *values.iter().max()?);
    if last.checked_sub(first)? >= rows.len() as i64 * DENSE_SLOTS_PER_VALUE {
        return None;
    }
    let mut slots = vec![default; (last - first + 1) as usize];
    for (value, (_, label)) in values.iter().zip(rows) {
        slots[(value - first) as usize] = *label;
    }
    Some((first, slots))
}
