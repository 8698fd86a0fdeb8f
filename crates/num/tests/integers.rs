//! Integers against dashu's, over digits that lie near the edges.

use std::cmp::Ordering;

use dashu_int::{IBig, Sign, UBig};
use oxbeam_num::bytes::Endian;
use oxbeam_num::{Int, bits, bytes, float, int, text};
use proptest::prelude::*;

#[derive(Clone, Debug)]
struct Big(bool, Vec<u64>);

impl Big {
    fn int(&self) -> Int<'_> {
        Int::new(self.0, &self.1)
    }

    fn reference(&self) -> IBig {
        reference(self.int())
    }
}

fn reference(value: Int) -> IBig {
    let sign = if value.is_negative() { Sign::Negative } else { Sign::Positive };
    IBig::from_parts(sign, UBig::from_words(value.digits()))
}

fn digit() -> impl Strategy<Value = u64> {
    prop_oneof![
        any::<u64>(),
        Just(0),
        Just(1),
        Just(u64::MAX),
        Just(1 << 63),
        Just((1 << 63) - 1),
        Just((1 << 59) - 1)
    ]
}

fn big(max: usize) -> impl Strategy<Value = Big> {
    (any::<bool>(), proptest::collection::vec(digit(), 0..max)).prop_map(|(n, d)| Big(n, d))
}

fn run(bound: usize, op: impl Fn(&mut [u64]) -> oxbeam_num::Res) -> IBig {
    // Old contents must not shine through.
    let mut out = vec![0xDEAD; bound];
    let res = op(&mut out);
    assert!(res.len == 0 || out[res.len - 1] != 0, "result is not normalised");
    reference(res.of(&out))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn arithmetic(a in big(6), b in big(6)) {
        let (x, y) = (a.int(), b.int());
        let (rx, ry) = (a.reference(), b.reference());
        prop_assert_eq!(run(int::add_bound(x, y), |o| int::add(x, y, o)), &rx + &ry);
        prop_assert_eq!(run(int::add_bound(x, y), |o| int::sub(x, y, o)), &rx - &ry);
        prop_assert_eq!(run(int::mul_bound(x, y), |o| int::mul(x, y, o)), &rx * &ry);
        if !y.is_zero() {
            prop_assert_eq!(run(int::div_bound(x, y), |o| int::div(x, y, o)), &rx / &ry);
            prop_assert_eq!(run(int::rem_bound(x, y), |o| int::rem(x, y, o)), &rx % &ry);
        }
        prop_assert_eq!(x.cmp(&y), rx.cmp(&ry));
    }

    #[test]
    fn bit_operations(a in big(5), b in big(5), n in 0u64..400) {
        let (x, y) = (a.int(), b.int());
        let (rx, ry) = (a.reference(), b.reference());
        let bound = bits::bitwise_bound(x, y);
        prop_assert_eq!(run(bound, |o| bits::and(x, y, o)), &rx & &ry);
        prop_assert_eq!(run(bound, |o| bits::or(x, y, o)), &rx | &ry);
        prop_assert_eq!(run(bound, |o| bits::xor(x, y, o)), &rx ^ &ry);
        prop_assert_eq!(run(bits::not_bound(x), |o| bits::not(x, o)), -rx.clone() - IBig::ONE);
        prop_assert_eq!(run(bits::shl_bound(x, n).unwrap(), |o| bits::shl(x, n, o)), &rx << n as usize);
        prop_assert_eq!(run(bits::shr_bound(x, n), |o| bits::shr(x, n, o)), &rx >> n as usize);
    }

    #[test]
    fn text_both_ways(a in big(40), radix in 2u32..=36) {
        let written = text::to_text(a.int(), radix);
        prop_assert_eq!(&written, &format!("{:#}", a.reference().in_radix(radix as u8)).into_bytes());
        let parsed = text::parse(&written, radix).unwrap();
        prop_assert_eq!(parsed.as_int(), a.int());
    }

    #[test]
    fn bytes_both_ways(raw in proptest::collection::vec(any::<u8>(), 0..40)) {
        for endian in [Endian::Big, Endian::Little] {
            let mut out = vec![0xDEAD; bytes::read_bound(raw.len())];
            let res = bytes::read_signed(&raw, endian, &mut out);
            let mut back = vec![0; raw.len()];
            bytes::write_signed(res.of(&out), endian, &mut back);
            prop_assert_eq!(&back, &raw);
            let negative_top = match endian { Endian::Big => raw.first(), Endian::Little => raw.last() };
            prop_assert_eq!(res.negative, negative_top.is_some_and(|b| b & 0x80 != 0));
            let res = bytes::read_magnitude(&raw, endian, true, &mut out);
            bytes::write_magnitude(res.of(&out), endian, &mut back);
            prop_assert_eq!(&back, &raw);
        }
    }

    #[test]
    fn floats_compare_exactly(a in big(4), raw in any::<u64>()) {
        let f = f64::from_bits(raw);
        if f.is_finite() {
            let mut out = [0; float::FLOAT_DIGITS];
            let whole = reference(float::from_f64(f, &mut out).of(&out));
            let expect = a.reference().cmp(&whole)
                .then_with(|| f.trunc().partial_cmp(&f).unwrap());
            prop_assert_eq!(float::cmp_f64(a.int(), f), expect);
        }
        if let Some(near) = float::to_f64(a.int()) {
            prop_assert_ne!(float::cmp_f64(a.int(), near.next_down()), Ordering::Less);
            if near < f64::MAX {
                prop_assert_ne!(float::cmp_f64(a.int(), near.next_up()), Ordering::Greater);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn large(a in big(120), b in big(120)) {
        let (x, y) = (a.int(), b.int());
        let (rx, ry) = (a.reference(), b.reference());
        prop_assert_eq!(run(int::mul_bound(x, y), |o| int::mul(x, y, o)), &rx * &ry);
        if !y.is_zero() {
            prop_assert_eq!(run(int::div_bound(x, y), |o| int::div(x, y, o)), &rx / &ry);
            prop_assert_eq!(run(int::rem_bound(x, y), |o| int::rem(x, y, o)), &rx % &ry);
        }
    }
}

#[test]
fn knuth_adds_back() {
    // The quotient digit is guessed one too big here.
    let a = Big(false, vec![0, 0, 1 << 63, (1 << 63) - 1]);
    let b = Big(false, vec![1, 0, 1 << 63]);
    let (x, y) = (a.int(), b.int());
    assert_eq!(run(2, |o| int::div(x, y, o)), a.reference() / b.reference());
    assert_eq!(run(3, |o| int::rem(x, y, o)), a.reference() % b.reference());
}

#[test]
fn words_convert_at_their_edges() {
    for value in [0, 1, -1, i64::MAX, i64::MIN, i64::MIN + 1] {
        assert_eq!(Int::from_i64(value, &mut [0]).to_i64(), Some(value));
        assert_eq!(Int::from_i64(value, &mut [0]).to_i128(), Some(value as i128));
    }
    for value in [i128::MAX, i128::MIN, 1 << 64] {
        assert_eq!(Int::from_i128(value, &mut [0; 2]).to_i128(), Some(value));
        assert_eq!(Int::from_i128(value, &mut [0; 2]).to_i64(), None);
    }
}

#[test]
fn parse_refuses_what_is_no_integer() {
    for bad in ["", "-", "+", "1_0", " 1", "1 ", "--1", "0x1", "1.0"] {
        assert_eq!(text::parse(bad.as_bytes(), 10), None, "{bad:?}");
    }
    assert_eq!(text::parse(b"-0", 10).unwrap().as_int().to_i64(), Some(0));
    assert_eq!(text::parse(b"-Zz", 36).unwrap().as_int().to_i64(), Some(-1295));
    assert_eq!(text::parse(b"000000000000000000000000001", 10).unwrap().digits, [1]);
}

#[test]
fn words_compare_with_floats() {
    let edge = 1i64 << 53;
    assert_eq!(float::cmp_i64_f64(edge + 1, edge as f64), Ordering::Greater);
    assert_eq!(float::cmp_i64_f64(edge, edge as f64), Ordering::Equal);
    assert_eq!(float::cmp_i64_f64(1, 1.5), Ordering::Less);
    assert_eq!(float::cmp_i64_f64(-1, -1.5), Ordering::Greater);
    assert_eq!(float::cmp_i64_f64(0, -0.0), Ordering::Equal);
    assert_eq!(float::cmp_i64_f64(i64::MAX, 9.3e18), Ordering::Less);
    assert_eq!(float::cmp_i64_f64(i64::MIN, -9.3e18), Ordering::Greater);
}
