use std::collections::HashMap;

use proptest::prelude::*;
use sqlx::postgres::PgSslMode;

use super::*;

fn parse(text: &str) -> Result<Address, AddressError> {
    Address::parse(text, &|_| None)
}

fn parsed(text: &str) -> Address {
    parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn endpoint(text: &str) -> String {
    Endpoint::of(&parsed(text).resolved.options).to_string()
}

/// User and database.
fn who(text: &str) -> (String, String) {
    let options = parsed(text).resolved.options;
    (options.get_username().to_owned(), options.get_database().unwrap_or_default().to_owned())
}

/// The password, as the URL that sqlx makes of the options has it.
fn password(text: &str) -> String {
    use sqlx::ConnectOptions as _;
    let url = parsed(text).resolved.options.to_url_lossy();
    percent_encoding::percent_decode_str(url.password().unwrap_or_default())
        .decode_utf8_lossy()
        .into_owned()
}

fn mode(text: &str) -> String {
    format!("{:?}", parsed(text).resolved.options.get_ssl_mode())
}

fn refusal(text: &str) -> String {
    parse(text).err().unwrap_or_else(|| panic!("{text} is taken")).to_string()
}

#[test]
fn an_endpoint_is_read_in_every_form_of_libpq() {
    for (text, expected) in [
        ("postgres://u@db.example.com/d", "db.example.com:5432"),
        ("postgresql://u@db.example.com:6432/d", "db.example.com:6432"),
        ("postgres://u@db.example.com:/d", "db.example.com:5432"),
        ("postgres://u@10.0.0.1/d", "10.0.0.1:5432"),
        ("postgres://u@[::1]/d", "[::1]:5432"),
        ("postgres://u@[2001:db8::7]:6432/d", "[2001:db8::7]:6432"),
        ("postgres://u@[2001:db8::7]:/d", "[2001:db8::7]:5432"),
        ("postgres://u@[fe80::1%25eth0]/d", "[fe80::1%eth0]:5432"),
        ("postgres://u@%2Fvar%2Frun%2Fpg:1/d", "/var/run/pg:1"),
        ("postgres:///d?host=/var/run/pg&user=u", "/var/run/pg:5432"),
        ("postgres://u@localhost/d?host=/tmp/a%20b", "/tmp/a b:5432"),
        ("postgres://u@elsewhere/d?host=here&port=7", "here:7"),
        ("postgres://u@here/d?hostaddr=10.0.0.2", "10.0.0.2:5432"),
        ("postgres:///d?hostaddr=::1", "[::1]:5432"),
        ("postgres://db.example.com?user=me@corp", "db.example.com:5432"),
        ("postgres://db.example.com:6432?user=me@corp", "db.example.com:6432"),
        ("host=here dbname=d", "here:5432"),
        (" host = 'here'  port= 7 user=u ", "here:7"),
        ("host=/var/run/pg user=u", "/var/run/pg:5432"),
        ("hostaddr=10.0.0.2 host=here user=u", "10.0.0.2:5432"),
    ] {
        assert_eq!(endpoint(text), expected, "{text}");
    }
    if cfg!(target_os = "linux") {
        assert_eq!(endpoint("postgres:///d?host=@pg&user=u"), "@pg:5432");
        assert_eq!(endpoint("postgres://u@%40pg/d"), "@pg:5432");
    }
}

#[test]
fn user_and_database_default_to_those_of_libpq() {
    let owned = |(user, database): (&str, &str)| (user.to_owned(), database.to_owned());
    for (text, expected) in [
        ("postgres://u:p@h/d", ("u", "d")),
        ("postgres://u@h", ("u", "u")),
        ("postgres://u@h/", ("u", "u")),
        ("postgres://u@h/d/e?dbname=f", ("u", "f")),
        ("postgres://u%40corp@h/a%20b", ("u@corp", "a b")),
        ("postgres://h/d?user=v", ("v", "d")),
        ("user=u dbname='a b' host=h", ("u", "a b")),
        (r"user=u\ v dbname='it\'s' host=h", ("u v", "it's")),
        ("user=u dbname='' host=h", ("u", "u")),
    ] {
        assert_eq!(who(text), owned(expected), "{text}");
    }
    let (user, database) = who("postgres://h");
    assert!(!user.is_empty() && user == database, "the one who runs the tests: {user}");
}

#[test]
fn a_password_is_read_as_libpq_reads_it() {
    for (text, expected) in [
        ("postgres://u:p@h/d", "p"),
        ("postgres://u@h/d", ""),
        ("postgres://u:@h/d", ""),
        ("postgres://u:p%40%2F%3A%3F%23%25%20@h/d", "p@/:?#% "),
        ("postgres://u:p#12345@h/d", "p#12345"),
        ("postgres://u:p?x=1@h/d", "p?x=1"),
        ("postgres://u:a:b@h/d", "a:b"),
        ("postgres://u@h/d?password=q%26r", "q&r"),
        ("postgres://u:p@h/d?password=q", "q"),
        (r"host=h user=u password='a b\'c\\d'", r"a b'c\d"),
        ("host=h user=u password=p@/:#?", "p@/:#?"),
    ] {
        assert_eq!(password(text), expected, "{text}");
    }
    assert!(
        parsed("postgres://u:p#1@h/d").unencoded && !parsed("postgres://u:p%231@h/d").unencoded
    );
}

#[test]
fn each_tls_mode_is_honoured_and_the_default_encrypts_remote_connections() {
    for (text, first, fallback) in [
        ("postgres://u:p@db.example.com:5432/d", "Require", None),
        ("postgres://u:p@db.example.com/d?ssl=true", "Require", None),
        ("postgres://u:p@db.example.com/d?sslmode=disable", "Disable", None),
        ("postgres://u:p@db.example.com/d?sslmode=allow", "Disable", Some("Require")),
        ("postgres://u:p@db.example.com/d?sslmode=prefer", "Require", Some("Disable")),
        ("postgres://u:p@db.example.com/d?sslmode=require", "Require", None),
        ("postgres://u:p@db.example.com/d?sslmode=verify-ca", "VerifyCa", None),
        ("postgres://u:p@db.example.com/d?sslmode=verify-full", "VerifyFull", None),
        ("postgres://u@localhost/d", "Prefer", Some("Disable")),
        ("postgres://u@127.0.0.1/d", "Prefer", Some("Disable")),
        ("postgres://u@[::1]/d", "Prefer", Some("Disable")),
        ("postgres://u@localhost/d?sslmode=require", "Require", None),
        // libpq never encrypts a socket.
        ("postgresql://u@localhost/d?host=/var/run/postgresql", "Disable", None),
        ("host=/tmp user=u sslmode=verify-full", "Disable", None),
    ] {
        assert_eq!(mode(text), first, "{text}");
        assert_eq!(
            parsed(text).resolved.fallback.map(|mode| format!("{mode:?}")).as_deref(),
            fallback,
            "{text}"
        );
    }
}

#[test]
fn a_named_ca_is_used_in_every_mode_that_encrypts() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), "-----BEGIN CERTIFICATE-----\n").expect("the file");
    let root = file.path().display();
    for (text, expected) in [
        (format!("postgres://u@db.example.com/d?sslrootcert={root}"), PgSslMode::VerifyCa),
        (
            format!("postgres://u@db.example.com/d?sslmode=require&sslrootcert={root}"),
            PgSslMode::VerifyCa,
        ),
        (format!("postgres://u@localhost/d?sslrootcert={root}"), PgSslMode::VerifyCa),
        (
            format!("postgres://u@localhost/d?sslmode=prefer&sslrootcert={root}"),
            PgSslMode::VerifyCa,
        ),
        (
            format!("postgres://u@localhost/d?sslmode=verify-full&sslrootcert={root}"),
            PgSslMode::VerifyFull,
        ),
        (
            format!("postgres://u@localhost/d?sslmode=disable&sslrootcert={root}"),
            PgSslMode::Disable,
        ),
    ] {
        assert_eq!(mode(&text), format!("{expected:?}"), "{text}");
    }
    let weak = refusal("postgres://u@h/d?sslmode=require&sslrootcert=system");
    assert!(
        weak.contains("`sslrootcert` is `system`") && weak.contains("sslmode=verify-full"),
        "{weak}"
    );
}

#[test]
fn every_parameter_of_libpq_is_accepted_or_rejected_by_name() {
    for parameter in PARAMETERS {
        let name = parameter.name;
        for text in
            [format!("postgres://u@h/d?{name}=hush-hush"), format!("host=h {name}=hush-hush")]
        {
            if let Err(error) = parse(&text) {
                let error = error.to_string();
                let names_file = ["sslrootcert", "sslcert"].contains(&name);
                assert!(error.contains(&format!("`{name}`")), "{text}: {error}");
                assert!(names_file || !error.contains("hush"), "{text}: {error}");
            }
        }
    }
    for accepted in [
        "connect_timeout=10&keepalives=1&keepalives_idle=60",
        "keepalives_interval=5&keepalives_count=3",
        "tcp_user_timeout=1000&client_encoding=UTF8",
        "target_session_attrs=read-write&load_balance_hosts=disable",
        "gssencmode=disable&channel_binding=prefer&sslcompression=0&sslsni=1",
        "sslnegotiation=postgres",
        "ssl_min_protocol_version=TLSv1.2&krbsrvname=postgres&replication=false",
        "fallback_application_name=x",
        "max_protocol_version=3.2&sslmode=&sslcert=&gssdelegation=0&requiressl=0",
    ] {
        parsed(&format!("postgres://u@h/d?{accepted}"));
    }
    for (odd, named) in [
        ("sslpassword=x", "openssl pkey"),
        ("service=audit", "Write host, dbname and user"),
        ("target_session_attrs=read-only", "name the primary"),
        ("channel_binding=require", "sslmode=verify-full"),
        ("gssencmode=require", "does not speak Kerberos"),
        ("connect_timeout=soon", "is not a number"),
        ("client_encoding=LATIN1", "speaks UTF-8"),
        ("sslcert=/x", "both `sslcert` and `sslkey`"),
        ("port=70000", "not a number from 1 to 65535"),
        ("hostaddr=db", "is not an IP address"),
        ("hostaddr=10.0.0.1&sslmode=verify-full", "leave `hostaddr` out"),
        ("sslmode=verify_ful", "Did you mean `verify-full`?"),
        ("sslmode=strict", "Choose one of disable, allow, prefer, require, verify-ca, verify-full"),
        ("ssl=yes", "Write `sslmode` instead"),
        ("options=geqo", "Write each setting as `-c name=value`"),
    ] {
        let error = refusal(&format!("postgres://u@h/d?{odd}"));
        assert!(error.contains(named), "{odd}: {error}");
    }
}

#[test]
fn several_hosts_are_rejected_with_advice() {
    for text in [
        "postgres://u@a:1,b:2/d",
        "postgres://u@a,b/d",
        "postgres://u@[::1]:1,b:2/d",
        "postgres:///d?host=a,b",
        "host=a,b port=1,2 user=u",
        "hostaddr=10.0.0.1,10.0.0.2 user=u",
    ] {
        let error = refusal(text);
        assert!(
            error.contains("names several hosts") && error.contains("accepts writes"),
            "{text}: {error}"
        );
    }
}

#[test]
fn an_unknown_parameter_is_named_with_a_suggestion_and_no_value() {
    for (text, said) in [
        ("postgres://u@h/d?pasword=hush-hush", "`pasword` is unknown. Did you mean `password`?"),
        ("postgres://u:p@h/d?ssl-mode=hush", "`ssl-mode` is unknown. Did you mean `sslmode`?"),
        ("postgres://u@h/d?colour=hush-hush", "`colour` is unknown. Leave it out"),
        ("host=h passwrd=hush-hush", "`passwrd` is unknown. Did you mean `password`?"),
        ("host=h statement_timeout=hush-hush", "`statement_timeout` is unknown."),
    ] {
        let error = refusal(text);
        assert!(error.contains(said) && !error.contains("hush"), "{text}: {error}");
    }
}

#[test]
fn a_possible_part_of_a_password_is_never_shown() {
    for text in [
        "postgres://u:hush@hush@h/d",
        "postgres://u:pa/hush@h/d",
        "postgres://u:1/p?hush=x",
        "postgres://u:p@hush?hush=1@h/d",
        "postgres://u:hush",
        "postgres://u:?hush=1",
        "postgres://u:p@h?hush=1",
        "postgres://u:hush%zz@h/d",
        "postgres://u:hu sh@h/d",
        "postgres://u:[hush@h:hush/d",
        "postgres://u@h/d?password=p&hush=1",
        "postgres://u@h/d?hush",
        "postgres://u@h:hush/d",
        "postgres://u@h,hush:hush/d",
        "host=h password=p hush=1",
        "host=h password=p hush",
        "host=h password='hush",
        "host=h password='hush'hush",
        "mysql://u:hush@h/d",
        "u:hush@h/d?sslmode=require",
        "\"postgres://u:hush@h/d\"",
        "postgres://u@hush$hush/d",
    ] {
        let error = refusal(text);
        assert!(!error.contains("hush"), "{text}: {error}");
        assert!(
            error.ends_with(|c: char| c.is_alphanumeric() || ")\"`".contains(c)),
            "advice: {error}"
        );
    }
    assert!(refusal("postgres://u:a@b@h/d").contains("`@` is %40"));
    assert!(refusal("jdbc:postgresql://h/d").contains("Leave `jdbc:` out"));
    assert!(refusal("postgresql+psycopg://u@h/d").contains("driver's name"));
    assert!(!format!("{:?}", parsed("postgres://u:hush@h/d")).contains("hush"));
}

#[test]
fn libpq_s_variables_give_what_the_address_omits() {
    let variables: HashMap<&str, &str> = [
        ("PGHOST", "there"),
        ("PGPORT", "7"),
        ("PGUSER", "v"),
        ("PGPASSWORD", "q"),
        ("PGDATABASE", "e"),
        ("PGSSLMODE", "verify-full"),
        ("PGSSLROOTCERT", ""),
    ]
    .into();
    let look_up = |name: &str| variables.get(name).map(|value| (*value).to_owned());
    let of = |text| Address::parse(text, &look_up).expect("an address").resolved.options;
    let all = of("postgres://");
    assert_eq!((all.get_host(), all.get_port(), all.get_username()), ("there", 7, "v"));
    assert_eq!(
        (all.get_database(), format!("{:?}", all.get_ssl_mode())),
        (Some("e"), "VerifyFull".to_owned())
    );
    let none = of("postgres://u:p@h:8/d?sslmode=disable");
    assert_eq!((none.get_host(), none.get_port(), none.get_username()), ("h", 8, "u"));
    assert_eq!(
        (none.get_database(), format!("{:?}", none.get_ssl_mode())),
        (Some("d"), "Disable".to_owned())
    );
    let odd =
        Address::parse("postgres://u@h", &|name| (name == "PGSERVICE").then(|| "hush".into()));
    let odd = odd.expect_err("a refusal").to_string();
    assert!(
        odd.contains("the variable PGSERVICE gives `service`") && !odd.contains("hush"),
        "{odd}"
    );
}

#[test]
fn settings_are_read_from_the_options_as_libpq_takes_them() {
    let options = concat!(
        "postgres://u@h/d?options=",
        r"-c%20search_path%3Da\%20b%20--geqo=off%20-cstatement_timeout%3D5",
    );
    let options = parsed(options).resolved.options;
    let options = options.get_options().expect("options").to_owned();
    assert!(
        options.ends_with(r"-c search_path=a\ b -c geqo=off -c statement_timeout=5"),
        "{options}"
    );
}

/// Texts of characters that have a meaning in an address, and of others.
fn secrets() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9@/:?#%&= '\"\\\\\\[\\],.+!$é-]{4,24}"
}

/// Four consecutive characters of the secret that the message contains, unless every message does.
fn shows(message: &str, secret: &str) -> Option<String> {
    let said = refusal("postgres://h:x") + &refusal("host=h =x");
    let characters: Vec<char> = secret.chars().collect();
    let parts = characters.windows(4).map(|part| part.iter().collect::<String>());
    parts.filter(|part| !said.contains(part.as_str())).find(|part| message.contains(part.as_str()))
}

proptest! {
    #[test]
    fn no_error_shows_a_part_of_a_password(secret in secrets()) {
        for text in [
            format!("postgres://user:{secret}@db.example.com:5432/audit"),
            format!("postgres://user:{secret}@db.example.com/audit?sslmode=odd"),
            format!("postgres://user:{secret}"),
            format!("postgres://db.example.com/audit?password={secret}"),
            format!("postgres://db.example.com/audit?pasword={secret}&user=u"),
            format!("postgres://db.example.com/audit?sslpassword={secret}"),
            format!("host=db.example.com password={secret} dbname=audit"),
            format!("host=db.example.com password='{secret}' dbname=audit"),
            format!("host=db.example.com pasword={secret} dbname=audit"),
            format!("mysql://user:{secret}@db.example.com/audit"),
            secret.clone(),
        ] {
            match parse(&text) {
                Err(error) => {
                    let shown = shows(&error.to_string(), &secret);
                    prop_assert_eq!(shown, None, "{} of {}", error, text);
                }
                // A valid address shows its endpoint.
                Ok(address) => {
                    let shown = format!("{address:?}");
                    prop_assert!(!shown.contains(&secret), "{} of {}", shown, text);
                }
            }
        }
    }

    #[test]
    fn a_percent_encoded_password_is_decoded(secret in secrets()) {
        let all = percent_encoding::NON_ALPHANUMERIC;
        let encoded = percent_encoding::utf8_percent_encode(&secret, all);
        prop_assert_eq!(password(&format!("postgres://u:{encoded}@h/d")), secret.clone());
        let quoted = secret.replace('\\', r"\\").replace('\'', r"\'");
        prop_assert_eq!(password(&format!("host=h user=u password='{quoted}'")), secret);
    }
}
