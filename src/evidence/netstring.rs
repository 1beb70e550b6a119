//! Netstrings: `LEN:BYTES,`, where LEN is the decimal count of the bytes
//! (<https://cr.yp.to/proto/netstrings.txt>).

/// Appends `text` as a netstring.
pub(super) fn push(text: &str, into: &mut String) {
    into.push_str(&text.len().to_string());
    into.push(':');
    into.push_str(text);
    into.push(',');
}

/// Why a text is no sequence of netstrings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotNetstrings {
    /// A length is missing, has a leading zero, or is no number.
    #[error("byte {at} begins no length")]
    Length {
        /// The position in bytes.
        at: usize,
    },
    /// The text ends, or a character is cut, before the announced length.
    #[error("the text at byte {at} is not as long as announced")]
    Short {
        /// The position in bytes.
        at: usize,
    },
    /// The text is not followed by a comma.
    #[error("byte {at} is not the comma that ends a text")]
    Comma {
        /// The position in bytes.
        at: usize,
    },
}

/// The texts of a sequence of netstrings, from its first byte to its last.
pub(super) fn split(all: &str) -> Result<Vec<&str>, NotNetstrings> {
    let mut texts = Vec::with_capacity(18);
    let mut at = 0;
    while at < all.len() {
        let digits = all[at..].bytes().take_while(u8::is_ascii_digit).count();
        let length = &all[at..at + digits];
        let is_canonical = length == "0" || !length.starts_with('0');
        let length = length.parse::<usize>().ok().filter(|_| is_canonical);
        let (Some(length), true) = (length, all[at + digits..].starts_with(':')) else {
            return Err(NotNetstrings::Length { at });
        };
        at += digits + 1;
        let end = at.checked_add(length).ok_or(NotNetstrings::Short { at })?;
        texts.push(all.get(at..end).ok_or(NotNetstrings::Short { at })?);
        if all.as_bytes().get(end) != Some(&b',') {
            return Err(NotNetstrings::Comma { at: end });
        }
        at = end + 1;
    }
    Ok(texts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_read_as_they_were_written() {
        let texts = ["auditsync-seal-v1", "", "a,b:c", "é🙂", "0:,"];
        let mut all = String::new();
        for text in texts {
            push(text, &mut all);
        }
        assert_eq!(all, "17:auditsync-seal-v1,0:,5:a,b:c,6:é🙂,3:0:,,");
        assert_eq!(split(&all), Ok(texts.to_vec()));
        assert_eq!(split(""), Ok(Vec::new()));
    }

    #[test]
    fn a_sequence_has_one_spelling_and_nothing_between_or_behind() {
        for (odd, why) in [
            ("01:a,", NotNetstrings::Length { at: 0 }),
            ("00:,", NotNetstrings::Length { at: 0 }),
            (":,", NotNetstrings::Length { at: 0 }),
            ("+1:a,", NotNetstrings::Length { at: 0 }),
            (" 1:a,", NotNetstrings::Length { at: 0 }),
            ("1:a, 1:b,", NotNetstrings::Length { at: 4 }),
            ("1:a,\n", NotNetstrings::Length { at: 4 }),
            ("1a,", NotNetstrings::Length { at: 0 }),
            ("99999999999999999999999:a,", NotNetstrings::Length { at: 0 }),
            ("18446744073709551615:a,", NotNetstrings::Short { at: 21 }),
            ("2:a,", NotNetstrings::Comma { at: 4 }),
            ("3:a,", NotNetstrings::Short { at: 2 }),
            ("1:é,", NotNetstrings::Short { at: 2 }),
            ("1:ab", NotNetstrings::Comma { at: 3 }),
            ("1:a", NotNetstrings::Comma { at: 3 }),
        ] {
            assert_eq!(split(odd), Err(why), "{odd}");
        }
    }
}
