use super::Translation;
use crate::Options;

fn read(pattern: &str) -> Translation {
    Translation::of(pattern.as_bytes(), &Options::default())
}

/// What PCRE2 gets.
fn seen(pattern: &str) -> String {
    String::from_utf8(read(pattern).pattern).unwrap()
}

#[test]
fn what_both_read_alike_is_copied() {
    for pattern in [
        r"\d-z[a-z][\w-][\Q\d-z\E]",
        r"(?<n>a)\k<n>(?P=n)(?&n)(?1)\g{1}\1\12",
        r"(?i:a)(?(1)b|c)(?#[\y)(*FAIL)\p{Lu}\pL\x41\x{1f}\o{17}\cA",
        r"[]\]a-c-]\Q[\R",
    ] {
        assert_eq!(seen(pattern), pattern);
        assert!(read(pattern).fault.is_none(), "{pattern}");
    }
}

#[test]
fn hyphens_behind_classes_are_characters() {
    assert_eq!(seen(r"[\d-z]+"), r"[\d\-z]+");
    assert_eq!(seen(r"[^]\w-.]"), r"[^]\w\-.]");
    assert_eq!(seen(r"[[:alpha:]-z\p{L}-x]"), r"[[:alpha:]\-z\p{L}\-x]");
}

#[test]
fn unknown_escapes_are_characters() {
    assert_eq!(seen(r"\y[\q\R\z]"), r"\x79[\x71\x52\x7a]");
    assert_eq!(seen(r"\8(a)\9"), r"\x38(a)\x39");
    assert_eq!(seen(r"(a)(a)(a)(a)(a)(a)(a)(a)\8"), r"(a)(a)(a)(a)(a)(a)(a)(a)\8");
    assert_eq!(seen("(?x)# \\y [\n\\y"), "(?x)# \\y [\n\\x79");
    assert_eq!(seen(r"(?X)\y"), r"(?)\y");
    assert_eq!(seen("a\0b"), "a");
    assert_eq!(seen("\\c\x7f\\cA"), "\\x3f\\cA");
}

#[test]
fn places_are_those_of_the_pattern() {
    let translation = read(r"\y\y(");
    assert_eq!(translation.pattern, br"\x79\x79(");
    assert_eq!([0, 4, 8, 9].map(|at| translation.place(at)), [0, 2, 4, 5]);
}

#[test]
fn what_only_pcre2_reads_is_an_error() {
    let fault = |pattern: &str| read(pattern).fault.map(|fault| fault.place);
    assert_eq!(fault(r"a(?^)"), Some(3));
    assert_eq!(fault(r"\N{U+41}"), Some(1));
    assert_eq!(fault(r"(*atomic:a)"), Some(10));
    assert_eq!(read(r"(?2)(a)").lost_call, Some(3));
    assert_eq!(read(r"(?2)(a)(b)").lost_call, None);
    assert_eq!(fault(r"\p{sc:Greek}"), Some(11));
}
