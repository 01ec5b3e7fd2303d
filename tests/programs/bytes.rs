//! How bytes from the network are shown.

use std::collections::HashMap;
use std::ops::RangeInclusive;

use common::printable;

/// The backslash that begins an escape, what controls a line, and what is invisible, apart from
/// joiners and variation selectors.
fn is_escaped(character: char) -> bool {
    let controls_or_separates = ['\0'..='\u{1f}', '\u{7f}'..='\u{9f}', '\u{2028}'..='\u{2029}'];
    // Unicode 16, DerivedCoreProperties.txt, Default_Ignorable_Code_Point
    let ignorable = [
        '\u{ad}'..='\u{ad}',
        '\u{34f}'..='\u{34f}',
        '\u{61c}'..='\u{61c}',
        '\u{115f}'..='\u{1160}',
        '\u{17b4}'..='\u{17b5}',
        '\u{180b}'..='\u{180f}',
        '\u{200b}'..='\u{200f}',
        '\u{202a}'..='\u{202e}',
        '\u{2060}'..='\u{206f}',
        '\u{3164}'..='\u{3164}',
        '\u{fe00}'..='\u{fe0f}',
        '\u{feff}'..='\u{feff}',
        '\u{ffa0}'..='\u{ffa0}',
        '\u{fff0}'..='\u{fff8}',
        '\u{1bca0}'..='\u{1bca3}',
        '\u{1d173}'..='\u{1d17a}',
        '\u{e0000}'..='\u{e0fff}',
    ];
    let joins_or_varies = [
        '\u{180b}'..='\u{180d}',
        '\u{180f}'..='\u{180f}',
        '\u{200c}'..='\u{200d}',
        '\u{fe00}'..='\u{fe0f}',
        '\u{e0100}'..='\u{e01ef}',
    ];
    let is_in =
        |ranges: &[RangeInclusive<char>]| ranges.iter().any(|range| range.contains(&character));
    character == '\\'
        || is_in(&controls_or_separates)
        || is_in(&ignorable) && !is_in(&joins_or_varies)
}

#[test]
fn every_character_is_shown_as_it_is_or_escaped() {
    for character in '\0'..=char::MAX {
        let shown = printable(character.to_string().as_bytes()).to_string();
        if is_escaped(character) {
            assert_eq!(shown, character.escape_default().to_string());
        } else {
            assert_eq!(shown, character.to_string());
        }
    }
}

#[test]
fn every_byte_that_is_no_text_is_shown_in_hexadecimal() {
    for byte in 0x80..=0xff_u8 {
        assert_eq!(printable(&[byte]).to_string(), format!("\\x{byte:02x}"));
        assert_eq!(printable(&[b'a', byte, b'z']).to_string(), format!("a\\x{byte:02x}z"));
    }
    assert_eq!(printable(b"\xe4\xbd ok").to_string(), "\\xe4\\xbd ok"); // a character cut short
}

#[test]
fn no_two_inputs_look_the_same() {
    let empty = vec![Vec::new()];
    let one_byte = (0..=u8::MAX).map(|byte| vec![byte]);
    let two_bytes = (0..=u16::MAX).map(|both| both.to_be_bytes().to_vec());
    let characters = ('\0'..=char::MAX).map(|character| character.to_string().into_bytes());
    let spelled = [r"\n", r"\u{1b}", r"\xff", r"\\", "\\\n"].map(|text| text.as_bytes().to_vec());
    let inputs =
        empty.into_iter().chain(one_byte).chain(two_bytes).chain(characters).chain(spelled);

    let mut seen: HashMap<String, Vec<u8>> = HashMap::new();
    for input in inputs {
        let shown = printable(&input).to_string();
        let first = seen.entry(shown).or_insert_with(|| input.clone());
        assert_eq!(*first, input);
    }
}

#[test]
fn text_of_any_language_is_shown_as_it_is() {
    for text in [
        "你好，世界　TCP",
        "Grüße",
        "नमस्ते",
        "שלום",
        "👩‍💻 👋🏽 ❤️",
        "می‌خواهم", // with a zero-width non-joiner
        "e\u{301}",
        "\"quoted\"",
    ] {
        assert_eq!(printable(text.as_bytes()).to_string(), text);
    }
}
