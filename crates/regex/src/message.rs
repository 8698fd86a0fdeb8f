//! The words for compile errors.

use pcre2_sys as p;

/// The message of a compile error's number.
pub fn of(code: i32) -> String {
    if code < 0 {
        // The only negative numbers that compiling gives.
        return "invalid UTF-8 string".to_owned();
    }
    let known = MESSAGES.iter().find(|(number, _)| *number as i32 == code);
    known.map_or_else(|| from_library(code), |(_, text)| (*text).to_owned())
}

fn from_library(code: i32) -> String {
    let mut bytes = [0u8; 256];
    // SAFETY: crate rule 3: the library writes at most the length given.
    let length = unsafe { p::pcre2_get_error_message_8(code, bytes.as_mut_ptr(), bytes.len()) };
    String::from_utf8_lossy(&bytes[..length.max(0) as usize]).into_owned()
}

/// Where OTP's users know other words than this library's.
const MESSAGES: &[(u32, &str)] = &[
    (p::PCRE2_ERROR_QUANTIFIER_INVALID, "nothing to repeat"),
    (p::PCRE2_ERROR_MISSING_CLOSING_PARENTHESIS, "missing )"),
    (p::PCRE2_ERROR_MISSING_COMMENT_CLOSING, "missing ) after comment"),
    (p::PCRE2_ERROR_UNMATCHED_CLOSING_PARENTHESIS, "unmatched parentheses"),
    (p::PCRE2_ERROR_ZERO_RELATIVE_REFERENCE, "invalid condition (?(0)"),
    (p::PCRE2_ERROR_CODE_POINT_TOO_BIG, "character value in \\x{} or \\o{} is too large"),
    (
        p::PCRE2_ERROR_UNSUPPORTED_ESCAPE_SEQUENCE,
        "PCRE does not support \\L, \\l, \\N{name}, \\U, or \\u",
    ),
    (p::PCRE2_ERROR_CALLOUT_NUMBER_TOO_BIG, "number after (?C is > 255"),
    (p::PCRE2_ERROR_MISSING_CALLOUT_CLOSING, "closing ) for (?C expected"),
    (p::PCRE2_ERROR_CALLOUT_BAD_STRING_DELIMITER, "closing ) for (?C expected"),
    (
        p::PCRE2_ERROR_MISSING_NAME_TERMINATOR,
        "syntax error in subpattern name (missing terminator)",
    ),
    (p::PCRE2_ERROR_DUPLICATE_SUBPATTERN_NAME, "two named subpatterns have the same name"),
    (p::PCRE2_ERROR_INVALID_SUBPATTERN_NAME, "group name must start with a non-digit"),
    (p::PCRE2_ERROR_UNKNOWN_UNICODE_PROPERTY, "unknown property name after \\P or \\p"),
    (
        p::PCRE2_ERROR_SUBPATTERN_NAME_TOO_LONG,
        "subpattern name is too long (maximum 32 characters)",
    ),
    (p::PCRE2_ERROR_PARENS_QUERY_R_MISSING_CLOSING, "(?R or (?[+-]digits must be followed by )"),
    (p::PCRE2_ERROR_PARENTHESES_NEST_TOO_DEEP, "regular expression is too complicated"),
    (p::PCRE2_ERROR_DEFINE_TOO_MANY_BRANCHES, "DEFINE group contains more than one branch"),
    (
        p::PCRE2_ERROR_TOO_MANY_CONDITION_BRANCHES,
        "conditional group contains more than two branches",
    ),
    (p::PCRE2_ERROR_UTF_IS_DISABLED, "setting UTF is disabled by the application"),
    (p::PCRE2_ERROR_LOOKBEHIND_INVALID_BACKSLASH_C, "\\C not allowed in lookbehind assertion"),
    (p::PCRE2_ERROR_BACKSLASH_C_SYNTAX, "\\c must be followed by an ASCII character"),
];

/// The offset OTP's users know: this library has gone one byte further when
/// it reports these.
pub fn offset(code: i32, offset: usize) -> usize {
    let further = [
        p::PCRE2_ERROR_UNSUPPORTED_ESCAPE_SEQUENCE,
        p::PCRE2_ERROR_UNKNOWN_UNICODE_PROPERTY,
        p::PCRE2_ERROR_BACKSLASH_K_SYNTAX,
        p::PCRE2_ERROR_DUPLICATE_SUBPATTERN_NAME,
        p::PCRE2_ERROR_SUBPATTERN_NAMES_MISMATCH,
        p::PCRE2_ERROR_OCTAL_BYTE_TOO_BIG,
        p::PCRE2_ERROR_BACKSLASH_N_IN_CLASS,
        p::PCRE2_ERROR_CLASS_INVALID_RANGE,
    ];
    offset.saturating_sub(usize::from(further.contains(&(code as u32))))
}
