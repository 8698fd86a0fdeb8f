//! Terms as the runtime itself prints them (`erlang:display/1`, error messages of the system).
//!
//! Strings and characters are in Latin-1, atoms in UTF-8, as stock does it: so the result is
//! bytes, not a string. No recursion: what remains to be printed lies on an explicit stack.

use oxbeam_num::{Int, float_text, text};

use crate::atom::Atom;
use crate::node::Node;
use crate::tag::{MapTag, map_bitmap, map_tag};
use crate::view::{Bits, Kind, Map, Term};

/// The text of `term`, in full.
pub fn to_bytes(term: Term<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    print(&mut out, term, i64::MAX);
    out
}

/// Appends the text of `term` to `out`, stopping with `... ` when about `limit` parts (elements,
/// characters of strings, bytes) are printed.
pub fn print(out: &mut Vec<u8>, term: Term<'_>, limit: i64) {
    let mut printer = Printer { out, left: limit, stack: vec![Item::Term(term)] };
    while let Some(item) = printer.stack.pop() {
        let done = match item {
            Item::Text(text) => {
                printer.out.extend_from_slice(text.as_bytes());
                Some(())
            }
            Item::Term(term) => printer.term(term),
            Item::Cells(list) => {
                printer.cells(list);
                Some(())
            }
        };
        if done.is_none() {
            break;
        }
    }
    if printer.left <= 0 {
        out.extend_from_slice(b"... ");
    }
}

enum Item<'t> {
    Text(&'static str),
    Term(Term<'t>),
    /// The elements of a list from this cell on.
    Cells(Term<'t>),
}

struct Printer<'o, 't> {
    out: &'o mut Vec<u8>,
    left: i64,
    stack: Vec<Item<'t>>,
}

impl<'t> Printer<'_, 't> {
    fn put(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    /// Counts one part; `None` when there were enough.
    fn count(&mut self) -> Option<()> {
        self.left -= 1;
        (self.left >= 0).then_some(())
    }

    fn term(&mut self, term: Term<'t>) -> Option<()> {
        self.count()?;
        match term.kind() {
            Kind::Nil => self.put("[]"),
            Kind::Atom(atom) => return self.atom(atom),
            Kind::Small(value) => self.put(&value.to_string()),
            Kind::Big(big) => {
                let text = text::to_text(Int::new(big.is_negative(), big.digits()), 10);
                self.out.extend_from_slice(&text);
            }
            Kind::Float(float) => {
                let text = float_text::scientific(float, 6).unwrap_or_default();
                self.out.extend_from_slice(&text);
            }
            Kind::Cons(_) if is_printable(term) => return self.string(term),
            Kind::Cons(_) => {
                self.put("[");
                self.stack.push(Item::Text("]"));
                self.stack.push(Item::Cells(term));
            }
            Kind::Tuple(tuple) => {
                self.put("{");
                self.stack.push(Item::Text("}"));
                self.separated(tuple.elements());
            }
            Kind::Bits(bits) => return self.bits(bits),
            Kind::Map(map) => self.map(map),
            Kind::Fun(fun) => {
                let entry = fun.entry();
                let (index, uniq) = (entry.old_index as i32, entry.old_uniq as i32);
                self.put(&format!("#Fun<{}.{index}.{uniq}>", entry.module.name()));
            }
            Kind::Export(export) => {
                self.put("fun ");
                write_atom(self.out, export.module);
                self.put(":");
                write_atom(self.out, export.function);
                self.put(&format!("/{}", export.arity));
            }
            Kind::Internal => self.put("#MatchState"),
            _ => self.put(&identity_text(term)),
        }
        Some(())
    }

    fn atom(&mut self, atom: Atom) -> Option<()> {
        self.left = self.left.saturating_sub(atom.name().len() as i64);
        write_atom(self.out, atom);
        (self.left > 0).then_some(())
    }

    fn cells(&mut self, list: Term<'t>) {
        let Some(cell) = list.as_cons() else { return };
        let tail = cell.tail();
        if tail.is_cons() {
            self.stack.extend([Item::Cells(tail), Item::Text(",")]);
        } else if !tail.is_nil() {
            self.stack.extend([Item::Term(tail), Item::Text("|")]);
        }
        self.stack.push(Item::Term(cell.head()));
    }

    fn separated(&mut self, terms: &'t [Term<'t>]) {
        for (index, &term) in terms.iter().enumerate().rev() {
            self.stack.push(Item::Term(term));
            if index > 0 {
                self.stack.push(Item::Text(","));
            }
        }
    }

    fn string(&mut self, list: Term<'t>) -> Option<()> {
        self.put("\"");
        for char in list.list() {
            self.count()?;
            match char.as_small().unwrap_or(0) as u8 {
                b'\n' => self.put("\\n"),
                b'"' => self.put("\\\""),
                byte => self.out.push(byte),
            }
        }
        self.put("\"");
        Some(())
    }

    fn bits(&mut self, bits: Bits<'t>) -> Option<()> {
        let bytes = bits.to_bytes();
        let (count, last) = bits.trailing();
        let is_text = bytes.iter().all(|byte| (b' '..127).contains(byte));
        if count == 0 && !bytes.is_empty() && is_text {
            self.put("<<\"");
            for &byte in bytes.iter() {
                if byte == b'"' {
                    self.put("\\");
                }
                self.out.push(byte);
                self.count()?;
            }
            self.put("\">>");
            return Some(());
        }
        self.put("<<");
        for (index, byte) in bytes.iter().enumerate() {
            self.put(&format!("{}{byte}", if index > 0 { "," } else { "" }));
            self.count()?;
        }
        if count > 0 {
            self.put(&format!("{}{last}:{count}", if bytes.is_empty() { "" } else { "," }));
        }
        self.put(">>");
        Some(())
    }

    fn map(&mut self, map: Map<'t>) {
        if map.is_flat() {
            self.put("#{");
            self.stack.push(Item::Text("}"));
            let pairs = map.flat_keys().iter().zip(map.flat_values());
            for (index, (&key, &value)) in pairs.enumerate().rev() {
                self.stack.extend([Item::Term(value), Item::Text("=>"), Item::Term(key)]);
                if index > 0 {
                    self.stack.push(Item::Text(","));
                }
            }
            return;
        }
        let mark = if map.is_inner_node() { "<" } else { "#<" };
        let bitmap = match map_tag(map.header()) {
            MapTag::HeadArray => 0xFFFF,
            _ => map_bitmap(map.header()),
        };
        self.put(&format!("{mark}{bitmap:x}>{{"));
        self.stack.push(Item::Text("}"));
        self.separated(map.children());
    }
}

/// The text of a pid, port or reference: `<0.1.0>`, `#Port<0.1>`, `#Ref<0.1.2.3>`. The first
/// number is 0 for this node, else the index of the node's name.
pub fn identity_text(term: Term<'_>) -> String {
    if let Some(pid) = term.pid_parts() {
        return format!("<{}.{}.{}>", channel(pid.node), pid.number, pid.serial);
    }
    if let Some(port) = term.port_parts() {
        return format!("#Port<{}.{}>", channel(port.node), port.number);
    }
    let Some(parts) = term.ref_parts() else { return String::new() };
    let numbers: Vec<_> = parts.numbers().iter().rev().map(u32::to_string).collect();
    format!("#Ref<{}.{}>", channel(parts.node), numbers.join("."))
}

fn channel(node: &Node) -> u32 {
    if node.name == Node::this().name { 0 } else { node.name.index() }
}

/// Whether a list is proper and all characters and white space of Latin-1.
fn is_printable(list: Term<'_>) -> bool {
    let mut chars = list.list();
    let all = chars.by_ref().all(|char| {
        let Some(byte) = char.as_small().and_then(|value| u8::try_from(value).ok()) else {
            return false;
        };
        let control = byte < b' ' || (127..160).contains(&byte);
        !control || matches!(byte, b' ' | b'\n' | b'\t' | b'\r')
    });
    all && chars.rest().is_nil()
}

/// Appends the name of an atom, in quotes where Erlang's syntax wants them.
pub fn write_atom(out: &mut Vec<u8>, atom: Atom) {
    let name = atom.name();
    if name.is_empty() {
        out.extend_from_slice(b"''");
        return;
    }
    let quoted = needs_quotes(name);
    if quoted {
        out.push(b'\'');
    }
    for char in name.chars() {
        write_atom_char(out, char);
    }
    if quoted {
        out.push(b'\'');
    }
}

fn needs_quotes(name: &str) -> bool {
    let lower = |char: char| matches!(char, 'a'..='z' | '\u{DF}'..='\u{FF}') && char != '\u{F7}';
    let upper = |char: char| matches!(char, 'A'..='Z' | '\u{C0}'..='\u{DE}') && char != '\u{D7}';
    let inner = |char| lower(char) || upper(char) || char == '_' || char.is_ascii_digit();
    let mut chars = name.chars();
    !chars.next().is_some_and(lower) || !chars.all(inner)
}

fn write_atom_char(out: &mut Vec<u8>, char: char) {
    let escape: &[u8] = match char {
        '\'' => b"\\'",
        '\\' => b"\\\\",
        '\n' => b"\\n",
        '\u{C}' => b"\\f",
        '\t' => b"\\t",
        '\r' => b"\\r",
        '\u{8}' => b"\\b",
        '\u{B}' => b"\\v",
        '\0'..='\u{1F}' | '\u{80}'..='\u{9F}' => {
            out.extend_from_slice(format!("\\{:03o}", char as u32).as_bytes());
            return;
        }
        _ => {
            out.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
            return;
        }
    };
    out.extend_from_slice(escape);
}
