//! The text of loaded instructions, read back from memory by the table of operations.
//!
//! Memory is believed only at the boundaries of instructions, which are found by walking from the
//! function's start; so any address gives a text or nothing.

use crate::handlers::op_of;
use crate::module::{Function, Module};
use crate::ranges;
use oxbeam_ops::specific::{Kind, Mode, Op, source};
use oxbeam_term::{Export, FunEntry, RawTerm, Term};
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};

/// One instruction.
pub struct Instruction {
    /// The function it belongs to.
    pub function: Function,
    /// Its text, a line.
    pub text: String,
    /// The address of what follows it.
    pub next: *const u64,
}

/// The instruction at an address. `None`: there is none.
pub fn at(address: *const u64) -> Option<Instruction> {
    if !(address as usize).is_multiple_of(8) {
        return None;
    }
    let module = ranges::find(address)?;
    let wanted = module.offset_of(address);
    let function = *module.function_at(wanted)?;
    let mut offset = function.info;
    loop {
        let (text, after) = decode(module, offset)?;
        let after = following(module, &function, offset, after);
        if offset == wanted {
            let next = module.address_of(after);
            return Some(Instruction { function, text, next });
        }
        if offset > wanted {
            return None;
        }
        offset = after;
    }
}

/// Where the next instruction begins: native entries lie between some.
fn following(module: &Module, function: &Function, offset: u32, after: u32) -> u32 {
    if offset == function.info {
        return function.entry;
    }
    if (after as usize) < module.words && word(module, after) == 0 { after + 1 } else { after }
}

fn word(module: &Module, offset: u32) -> u64 {
    // SAFETY: crate rule 2: words of a block may be read as atomics; the offset lies in it.
    unsafe { AtomicU64::from_ptr(module.address_of(offset)) }.load(Ordering::Relaxed)
}

/// Reads an instruction's words, as long as there are any.
struct Words<'m> {
    module: &'m Module,
    at: u32,
}

impl Words<'_> {
    fn next(&mut self) -> Option<u64> {
        let offset = self.at;
        self.at += 1;
        ((offset as usize) < self.module.words).then(|| word(self.module, offset))
    }
}

fn decode(module: &Module, offset: u32) -> Option<(String, u32)> {
    let mut words = Words { module, at: offset };
    let op = match op_of(words.next()?)? {
        Op::breakpoint => op_of(module.breakpoint_at(module.address_of(offset))?.replaced())?,
        op => op,
    };
    let mut text = format!("{:016X}: {}", module.address_of(offset) as usize, op.name());
    if op == Op::call_nif {
        // It stands in the place of another instruction, whose operands it does not have.
        text.push('\n');
        return Some((text, words.at));
    }
    for &mode in op.modes() {
        let word = words.next()?;
        operand(&mut text, mode, word);
    }
    for &kind in op.template().info().kinds {
        fixed(&mut text, kind, &mut words)?;
    }
    text.push('\n');
    Some((text, words.at))
}

fn operand(text: &mut String, mode: Mode, word: u64) {
    let _ = match mode {
        Mode::X => write!(text, " x({})", word / 8),
        Mode::Y => write!(text, " y({})", word / 8),
        Mode::C => return constant(text, word),
        Mode::S | Mode::D if source::is_constant(word) => return constant(text, word),
        Mode::S | Mode::D => {
            let kind = if word & source::Y != 0 { 'y' } else { 'x' };
            write!(text, " {kind}({})", source::offset(word) / 8)
        }
    };
}

fn constant(text: &mut String, word: u64) {
    text.push(' ');
    // SAFETY: constants of instructions are immediates or literals of their module.
    let term: Term<'_> = unsafe { Term::from_raw(RawTerm(word)) };
    text.push_str(&String::from_utf8_lossy(&oxbeam_term::print::to_bytes(term)));
}

fn fixed(text: &mut String, kind: Kind, words: &mut Words<'_>) -> Option<()> {
    let word = words.next()?;
    let _ = match kind {
        Kind::F if word == 0 => write!(text, " f(0)"),
        Kind::F => write!(text, " {}", place(word)),
        Kind::U | Kind::B => write!(text, " {word}"),
        Kind::T => {
            constant(text, word);
            Ok(())
        }
        Kind::E => {
            // SAFETY: exports are never freed; the loader wrote the word.
            let export = unsafe { &*(word as *const Export) };
            let (module, function) = (export.module.name(), export.function.name());
            write!(text, " {module}:{function}/{}", export.arity)
        }
        Kind::L => {
            // SAFETY: the module holds a reference to each of its fun entries.
            let entry = unsafe { &*(word as *const FunEntry) };
            write!(text, " fun({}/{})", entry.index, entry.arity)
        }
        Kind::N => {
            for _ in 0..word {
                let source = words.next()?;
                operand(text, Mode::S, source);
            }
            Ok(())
        }
        Kind::W => {
            for _ in 0..word {
                let word = words.next()?;
                let _ = write!(text, " {}", place(word));
            }
            Ok(())
        }
    };
    Some(())
}

/// A function's name if the word is its first instruction, else the word.
fn place(word: u64) -> String {
    let entry = ranges::locate(word as *const u64).filter(|at| {
        let module = ranges::find(word as *const u64);
        module.is_some_and(|m| {
            let offset = m.offset_of(word as *const u64);
            m.function_at(offset).is_some_and(|f| f.entry == offset && at.function == f.name)
        })
    });
    match entry {
        Some(at) => format!("{}:{}/{}", at.module.name(), at.function.name(), at.arity),
        None => format!("{word:X}"),
    }
}
