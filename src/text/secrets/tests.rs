use super::*;

const SECRET: &str = r#"aB3%+/~"\x9-é="#;

fn known(secrets: &[&str]) -> KnownSecrets {
    let mut known = KnownSecrets { secrets: Vec::new(), forms: None };
    for secret in secrets {
        known.learn(SecretKind::Token, secret);
    }
    known.prepare();
    known
}

#[test]
fn a_secret_is_found_in_each_encoding() {
    let percent: String = SECRET.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let known = known(&[SECRET]);
    for form in [
        SECRET.to_owned(),
        SECRET.to_uppercase(),
        hex::encode(SECRET),
        hex::encode_upper(SECRET),
        percent.to_lowercase(),
        percent.replace('%', "%25"),
        percent.replace('%', "%2525"),
        SECRET.replace('%', "%25"),
        SECRET.replace('/', "%2F").replace('+', "%2b"),
        serde_json::to_string(SECRET).expect("JSON").trim_matches('"').to_owned(),
        SECRET.replace('/', "\\/").replace('"', "\\u0022"),
        format!("{SECRET:?}").trim_matches('"').to_owned(),
        SECRET.replace('~', "\\u{7e}").replace('=', "\\x3d"),
    ] {
        // The search ignores case only in ASCII letters.
        let form = form.replace('É', "é");
        assert_eq!(known.redact(&format!("é{form}é")), "é[token]é", "{form}");
    }
    for before in ["", "u", "u:", "u:p", "Bearer "] {
        for form in [
            STANDARD.encode(format!("{before}{SECRET}|")),
            URL_SAFE.encode(format!("{before}{SECRET}|")),
        ] {
            let redacted = known.redact(&form).into_owned();
            assert!(redacted.contains("[token]") && redacted.len() < 25, "{form}: {redacted}");
        }
    }
}

#[test]
fn a_private_key_is_found_by_its_form() {
    let redacted = known(&[]).redact("a \"PRIVATE+KEY+b+0+AY/+\", PRIVATE+KEY+c").into_owned();
    assert_eq!(redacted, "a \"[password]\", [password]");
    let own = "which begins with PRIVATE+KEY+ (its value is not shown)";
    assert_eq!(known(&[]).redact(own), own);
}

#[test]
fn a_key_in_an_address_is_not_a_word_or_a_date() {
    for key in [
        "ping-key-5f0c",
        "0b7e8f1a-77aa-4a55-9d8e-1f3f8e2a6b11",
        "averyveryverylongword",
        "Mixed-Case",
    ] {
        assert!(is_key(key), "{key}");
    }
    for other in ["", "heartbeat", "archives", "2024-09-28", "2024/09", "my_job"] {
        assert!(!is_key(other), "{other}");
    }
}

#[test]
fn text_without_a_secret_stays_unchanged() {
    let known = known(&[SECRET, "short", "Postgres", "  "]);
    for text in [
        "",
        "a text",
        "short postgres",
        "100 % sure\\",
        "%zz %2 %",
        "\\u12 \\x \\",
        "aB3%+/~",
        "hrku",
    ] {
        assert_eq!(known.redact(text), text);
    }
    assert_eq!(known.secrets.len(), 1);
}

#[test]
fn a_word_that_looks_like_a_token_is_redacted() {
    let known = known(&["HRKU-mine+x"]);
    assert_eq!(known.redact("a HRKU-yours_1-b, hrku-MINE+X!"), "a [token], [token]!");
}

#[test]
fn the_longer_of_two_secrets_is_redacted_completely() {
    let known = known(&["abcdefgh", "abcdefghij", "ghijklmn"]);
    assert_eq!(known.redact("-abcdefghijklmn-abcdefgh-"), "-[token]klmn-[token]-");
}
