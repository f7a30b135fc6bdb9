//! Numbers and lines for people.

use std::borrow::Cow;

/// `1 rule`, `4 813 rules`.
pub(crate) fn count(number: u64, noun: &str) -> String {
    many(number, noun, &format!("{noun}s"))
}

/// `1 opportunity`, `4 813 opportunities`.
pub(crate) fn many(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(number), if number == 1 { one } else { many })
}

/// `4 813`: thousands apart.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(' ');
        }
        out.push(digit);
    }
    out
}

/// `text` in lines of at most `width` characters, broken at spaces. A word that is longer stands alone, whole.
pub(crate) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// `text`, cut to `width` characters with an ellipsis if it is longer.
pub(crate) fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(width.saturating_sub(1)).collect();
    short.truncate(short.trim_end().len());
    short.push('…');
    short
}

/// `text` with a mark in the place of each control character: what a history holds must not steer the terminal.
pub(crate) fn plain(text: &str) -> Cow<'_, str> {
    if !text.contains(char::is_control) {
        return text.into();
    }
    text.replace(char::is_control, "\u{fffd}").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_becomes_visible() {
        assert_eq!(plain("web-0 is Ready"), "web-0 is Ready");
        assert_eq!(
            plain("a\u{1b}[2Jb\u{9b}31m\r"),
            "a\u{fffd}[2Jb\u{fffd}31m\u{fffd}"
        );
    }

    #[test]
    fn thousands_are_apart() {
        for (number, text) in [(0, "0"), (999, "999"), (4_813, "4 813"), (1_234_567, "1 234 567")] {
            assert_eq!(grouped(number), text);
        }
    }

    #[test]
    fn one_is_singular() {
        assert_eq!(count(1, "rule"), "1 rule");
        assert_eq!(count(0, "rule"), "0 rules");
        assert_eq!(many(2, "opportunity", "opportunities"), "2 opportunities");
    }

    #[test]
    fn lines_break_at_spaces_and_long_words_stay_whole() {
        assert_eq!(wrapped("a pod came too early", 9), ["a pod", "came too", "early"]);
        assert_eq!(
            wrapped("statefulset.kubernetes.io a", 5),
            ["statefulset.kubernetes.io", "a"]
        );
    }

    #[test]
    fn what_is_too_long_is_cut_with_an_ellipsis() {
        assert_eq!(cut("web-0 is Ready", 14), "web-0 is Ready");
        assert_eq!(cut("web-0 is Ready", 9), "web-0 is…");
    }
}
