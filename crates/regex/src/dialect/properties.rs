//! The properties of characters that OTP's library knows by name: general categories, scripts of
//! Unicode 7, and its own.

/// Whether there is a property of that name, which must be exact.
pub(super) fn is_known(name: &[u8]) -> bool {
    std::str::from_utf8(name).is_ok_and(|name| NAMES.binary_search(&name).is_ok())
}

#[rustfmt::skip]
const NAMES: &[&str] = &[
    "Any", "Arabic", "Armenian", "Avestan", "Balinese", "Bamum", "Bassa_Vah", "Batak", "Bengali",
    "Bopomofo", "Brahmi", "Braille", "Buginese", "Buhid", "C", "Canadian_Aboriginal", "Carian",
    "Caucasian_Albanian", "Cc", "Cf", "Chakma", "Cham", "Cherokee", "Cn", "Co", "Common",
    "Coptic", "Cs", "Cuneiform", "Cypriot", "Cyrillic", "Deseret", "Devanagari", "Duployan",
    "Egyptian_Hieroglyphs", "Elbasan", "Ethiopic", "Georgian", "Glagolitic", "Gothic", "Grantha",
    "Greek", "Gujarati", "Gurmukhi", "Han", "Hangul", "Hanunoo", "Hebrew", "Hiragana",
    "Imperial_Aramaic", "Inherited", "Inscriptional_Pahlavi", "Inscriptional_Parthian",
    "Javanese", "Kaithi", "Kannada", "Katakana", "Kayah_Li", "Kharoshthi", "Khmer", "Khojki",
    "Khudawadi", "L", "L&", "Lao", "Latin", "Lepcha", "Limbu", "Linear_A", "Linear_B", "Lisu",
    "Ll", "Lm", "Lo", "Lt", "Lu", "Lycian", "Lydian", "M", "Mahajani", "Malayalam", "Mandaic",
    "Manichaean", "Mc", "Me", "Meetei_Mayek", "Mende_Kikakui", "Meroitic_Cursive",
    "Meroitic_Hieroglyphs", "Miao", "Mn", "Modi", "Mongolian", "Mro", "Myanmar", "N", "Nabataean",
    "Nd", "New_Tai_Lue", "Nko", "Nl", "No", "Ogham", "Ol_Chiki", "Old_Italic",
    "Old_North_Arabian", "Old_Permic", "Old_Persian", "Old_South_Arabian", "Old_Turkic", "Oriya",
    "Osmanya", "P", "Pahawh_Hmong", "Palmyrene", "Pau_Cin_Hau", "Pc", "Pd", "Pe", "Pf",
    "Phags_Pa", "Phoenician", "Pi", "Po", "Ps", "Psalter_Pahlavi", "Rejang", "Runic", "S",
    "Samaritan", "Saurashtra", "Sc", "Sharada", "Shavian", "Siddham", "Sinhala", "Sk", "Sm", "So",
    "Sora_Sompeng", "Sundanese", "Syloti_Nagri", "Syriac", "Tagalog", "Tagbanwa", "Tai_Le",
    "Tai_Tham", "Tai_Viet", "Takri", "Tamil", "Telugu", "Thaana", "Thai", "Tibetan", "Tifinagh",
    "Tirhuta", "Ugaritic", "Vai", "Warang_Citi", "Xan", "Xps", "Xsp", "Xuc", "Xwd", "Yi", "Z",
    "Zl", "Zp", "Zs",
];

#[cfg(test)]
mod tests {
    #[test]
    fn names_are_in_order() {
        assert!(super::NAMES.is_sorted());
        assert!(super::is_known(b"Lu") && !super::is_known(b"lu"));
    }
}
