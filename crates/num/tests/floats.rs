//! Float texts as Erlang/OTP 25 gives them.

use oxbeam_num::float_text::{fixed, parse, scientific, short};

#[track_caller]
fn text(got: Option<Vec<u8>>) -> String {
    String::from_utf8(got.expect("is short enough")).unwrap()
}

#[test]
fn shortest() {
    let table = [
        (100.0, "100.0"),
        (1000.0, "1.0e3"),
        (12340.0, "12340.0"),
        (123400.0, "1.234e5"),
        (1.0e22, "1.0e22"),
        (1.0e-4, "0.0001"),
        (1.0e-5, "1.0e-5"),
        (0.001234, "0.001234"),
        (9007199254740992.0, "9.007199254740992e15"),
        (9007199254740991.0, "9007199254740991.0"),
        (1234567890.0, "1234567890.0"),
        (12345678900.0, "12345678900.0"),
        (123456789000.0, "1.23456789e11"),
        (0.1, "0.1"),
        (1.0e100, "1.0e100"),
        (5.0e-324, "5.0e-324"),
        (f64::MAX, "1.7976931348623157e308"),
        (-1.5, "-1.5"),
        (-0.0, "-0.0"),
        (0.0, "0.0"),
    ];
    for (float, expect) in table {
        assert_eq!(text(Some(short(float))), expect);
        assert_eq!(parse(expect.as_bytes()).map(f64::to_bits), Some(float.to_bits()));
    }
}

#[test]
fn scientific_form() {
    assert_eq!(text(scientific(2.5, 20)), "2.50000000000000000000e+00");
    assert_eq!(text(scientific(-0.0, 20)), "-0.00000000000000000000e+00");
    assert_eq!(text(scientific(1.0e100, 3)), "1.000e+100");
    assert_eq!(text(scientific(2.5, 0)), "2e+00");
    assert_eq!(text(scientific(3.5, 0)), "4e+00");
    assert_eq!(text(scientific(1.25, 1)), "1.2e+00");
    assert_eq!(scientific(1.25, 249).map(|text| text.len()), Some(255));
    assert_eq!(scientific(1.25, 250), None);
}

#[test]
fn fixed_form() {
    assert_eq!(text(fixed(1.0e20, 0, true)), "1");
    assert_eq!(text(fixed(1.0e20, 2, true)), "100000000000000000000.0");
    assert_eq!(text(fixed(1.05e22, 2, false)), "10499999999999998951424.00");
    assert_eq!(text(fixed(0.125, 2, false)), "0.13");
    assert_eq!(text(fixed(0.5, 0, false)), "1");
    assert_eq!(text(fixed(-0.0, 0, false)), "-0");
    assert_eq!(text(fixed(7.995, 2, false)), "8.00");
    assert_eq!(text(fixed(7.12, 4, true)), "7.12");
    assert_eq!(fixed(1.25, 253, false).map(|text| text.len()), Some(255));
    assert_eq!(fixed(1.25, 254, false), None);
}

#[test]
fn parse_is_strict() {
    for bad in ["1", "1.", ".5", "1e5", "1.0e", "1.0e+", " 1.0", "1.0 ", "1.0e400", "nan", "inf"] {
        assert_eq!(parse(bad.as_bytes()), None, "{bad:?}");
    }
    assert_eq!(parse(b"1,5"), Some(1.5));
    assert_eq!(parse(b"1.0e-400"), Some(0.0));
    assert_eq!(parse(b"+1.0E-40"), Some(1.0e-40));
}
