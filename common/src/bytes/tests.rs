//! Every character, and every one or two bytes.

use std::collections::HashMap;

use regex::Regex;

use super::printable;

/// The backslash that begins an escape, what controls a line, and what Unicode's own tables call
/// invisible, apart from joiners and variation selectors.
const ESCAPED: &str = r"[\\\p{Cc}\p{Zl}\p{Zp}[\p{Default_Ignorable_Code_Point}--[\p{Join_Control}\p{Variation_Selector}]]]";

#[test]
fn every_character_is_shown_as_it_is_or_escaped() {
    let escaped = Regex::new(ESCAPED).expect("it is a regular expression");
    for character in '\0'..=char::MAX {
        let character = character.to_string();
        let expected = escaped.replace(&character, character.escape_default().to_string());
        assert_eq!(printable(character.as_bytes()).to_string(), expected);
    }
}

#[test]
fn every_byte_that_is_not_text_is_shown_in_hexadecimal() {
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
