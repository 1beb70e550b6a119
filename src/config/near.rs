//! "Did you mean …?", and lists of words.

/// The word of `known` that `word` was most likely meant to be. At most every third letter may
/// differ, or one word begins with the other. Case, and `-` instead of `_`, make no difference.
pub fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let word = plain(word);
    let distance = |known: &str| {
        let known = plain(known);
        let (short, long) = (
            known.chars().count().min(word.chars().count()),
            known.chars().count().max(word.chars().count()),
        );
        let begins = short >= 3 && (known.starts_with(&word) || word.starts_with(&known));
        // Words of too different lengths are never near. This also bounds the work on absurd input.
        if !begins && long - short > long / 3 {
            return None;
        }
        let slips = if begins { 1 } else { strsim::damerau_levenshtein(&word, &known) };
        (slips <= (long / 3).max(1)).then_some(slips)
    };
    let near = known.into_iter().filter_map(|known| Some((distance(known)?, known)));
    near.min_by_key(|(slips, _)| *slips).map(|(_, known)| known)
}

fn plain(word: &str) -> String {
    word.to_lowercase().replace('-', "_")
}

/// `a`, `b` and `c`, each in backticks.
pub(super) fn list<'w>(words: impl IntoIterator<Item = &'w str>) -> String {
    let quoted: Vec<String> = words.into_iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        None => String::new(),
        Some((only, [])) => only.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_near_word_is_found_and_a_far_one_is_not() {
        let known = ["stale_after", "heartbeat_every", "url_env", "token_env", "name"];
        for (word, meant) in [
            ("stale_afer", Some("stale_after")),
            ("Stale-After", Some("stale_after")),
            ("heartbeat", Some("heartbeat_every")),
            ("token", Some("token_env")),
            ("nmae", Some("name")),
            ("na", None),
            ("colour", None),
            ("", None),
        ] {
            assert_eq!(nearest(word, known), meant, "{word}");
        }
    }

    #[test]
    fn a_list_of_words_ends_with_and() {
        assert_eq!(list([]), "");
        assert_eq!(list(["a"]), "`a`");
        assert_eq!(list(["a", "b", "c"]), "`a`, `b` and `c`");
    }
}
