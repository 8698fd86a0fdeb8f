//! Splitting the text of `ERL_FLAGS` and of arguments files into words.
//!
//! White space separates. `"` and `'` quote, also inside a word; nothing is
//! special inside quotes but the closing quote. Outside of quotes a backslash
//! takes the next byte as it is. In files `#` starts a comment, even in the
//! middle of a word.

/// One word of a command line.
pub type Word = Vec<u8>;

/// Where the text comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Source {
    /// A variable of the environment: no comments.
    Environment,
    /// An arguments file.
    File,
}

/// Splits `text` into words. A text that holds at least one word gets `--` as
/// its last word, so that flags of different sources stay apart.
pub fn split(text: &[u8], source: Source) -> Vec<Word> {
    let mut words = Vec::new();
    let mut rest = text;
    while let Some(word) = next_word(&mut rest, source) {
        words.push(word);
    }
    if !words.is_empty() {
        words.push(b"--".to_vec());
    }
    words
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
}

fn skip_blank(rest: &mut &[u8], source: Source) {
    while let Some((byte, tail)) = rest.split_first() {
        if is_space(*byte) {
            *rest = tail;
        } else if *byte == b'#' && source == Source::File {
            let end = rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len());
            *rest = &rest[end..];
        } else {
            return;
        }
    }
}

fn next_word(rest: &mut &[u8], source: Source) -> Option<Word> {
    skip_blank(rest, source);
    if rest.is_empty() {
        return None;
    }
    let mut word = Word::new();
    while let Some((byte, tail)) = rest.split_first() {
        match *byte {
            b'#' if source == Source::File => break,
            byte if is_space(byte) => break,
            quote @ (b'"' | b'\'') => {
                let end = tail.iter().position(|b| *b == quote).unwrap_or(tail.len());
                word.extend_from_slice(&tail[..end]);
                *rest = tail.get(end + 1..).unwrap_or(&[]);
            }
            b'\\' => {
                word.extend(tail.first());
                *rest = tail.get(1..).unwrap_or(&[]);
            }
            other => {
                word.push(other);
                *rest = tail;
            }
        }
    }
    Some(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str, source: Source) -> Vec<String> {
        split(text.as_bytes(), source).into_iter().map(|w| String::from_utf8(w).unwrap()).collect()
    }

    #[test]
    fn quotes_and_backslashes_group() {
        assert_eq!(
            words("a \"b c\"d '\"' e\\ f\\\\", Source::Environment),
            ["a", "b cd", "\"", "e f\\", "--"]
        );
    }

    #[test]
    fn comments_are_for_files() {
        assert_eq!(words("# x\na b#c\n d", Source::File), ["a", "b", "d", "--"]);
        assert_eq!(words("# a#b", Source::Environment), ["#", "a#b", "--"]);
    }

    #[test]
    fn nothing_gives_nothing() {
        assert!(words("", Source::File).is_empty());
        assert!(words(" \n# only a comment", Source::File).is_empty());
    }

    #[test]
    fn an_empty_quoted_word_counts() {
        assert_eq!(words("'' x", Source::Environment), ["", "x", "--"]);
    }
}
