//! What the verdict says where no source is behind.

use super::*;

#[test]
fn the_good_news_name_the_last_day_up_to_which_all_is_complete() {
    let complete = |to| of("", vec![range(DayState::Complete, "2024-09-20", to)]);
    let news = |sources: &[Coverage]| good_news(sources, &after(36), now()).summary;
    let (one, two) = (complete("2024-09-28"), complete("2024-09-27"));
    assert_eq!(news(&[one.clone(), two]), "2 sources, complete through 2024-09-27");
    assert_eq!(news(&[one]), "1 source, complete through 2024-09-28");
    assert_eq!(news(&[of("since = \"2030-01-01\"", vec![])]), "no source must cover a day yet");
    let disabled = of("enabled = false", vec![]);
    let absent = Coverage { in_file: false, source: "b".to_owned(), ..disabled.clone() };
    let both = [disabled.clone(), absent.clone()];
    assert_eq!(news(&[disabled]), "a is disabled, so no day is due");
    assert_eq!(news(&[absent]), "b is not in the file, so no day is due");
    assert_eq!(news(&both), "a is disabled and b is not in the file, so no day is due");
    assert_eq!(news(&[]), "no source is enabled, so no day is due");
}

#[test]
fn a_gap_that_is_not_late_is_named_if_it_failed_or_nothing_is_complete() {
    let news = |more, rows, hours| good_news(&[of(more, rows)], &after(hours), now());
    let others = |news: GoodNews| {
        let others = news.others.into_iter().map(|gaps| (gaps.reason, gaps.command));
        (news.summary, others.collect::<Vec<_>>())
    };
    let rows = |state| {
        vec![
            range(DayState::Complete, "2024-09-20", "2024-09-27"),
            range(state, "2024-09-28", "2024-09-28"),
        ]
    };
    let (through, sync) = ("1 source, complete through 2024-09-27", "auditsync sync --source a");
    let failed = "1 day failed since 2024-09-28, not yet 36h late";
    assert_eq!(
        others(news("", rows(DayState::Failed), 36)),
        (through.to_owned(), vec![(failed.to_owned(), Some(sync.to_owned()))])
    );
    // A morning before the daily run is good.
    assert_eq!(others(news("", rows(DayState::Due), 36)), (through.to_owned(), vec![]));
    let first = vec![range(DayState::Syncing, "2024-09-28", "2024-09-28")];
    let syncing = "1 day syncing since 2024-09-28, not yet 36h late";
    assert_eq!(
        others(news("", first, 36)),
        ("1 source".to_owned(), vec![(syncing.to_owned(), None)])
    );
    // What is late is behind.
    assert_eq!(others(news("", rows(DayState::Failed), 12)).1, []);
}

#[test]
fn gaps_of_a_source_that_no_run_reads_are_named_and_leave_nothing_behind() {
    let rows = |state| {
        vec![
            range(DayState::Complete, "2024-09-20", "2024-09-21"),
            range(state, "2024-09-22", "2024-09-23"),
            range(DayState::Complete, "2024-09-24", "2024-09-28"),
        ]
    };
    let disabled = of("enabled = false", rows(DayState::Failed));
    assert_eq!(disabled.behind(&after(36), now()), None);
    let news = good_news(std::slice::from_ref(&disabled), &after(36), now());
    assert_eq!(news.summary, "a is disabled, so no day is due");
    assert_eq!(news.others[0].reason, "2 days failed since 2024-09-22, and no run reads them");
    let command = "auditsync backfill --source a --from 2024-09-22 --to 2024-09-23";
    assert_eq!(news.others[0].command.as_deref(), Some(command));
    let absent = Coverage { in_file: false, ..disabled };
    let gaps = &good_news(&[absent], &after(36), now()).others[0];
    assert!(gaps.reason.ends_with("since 2024-09-22, and no run reads them"), "{gaps:?}");
    assert_eq!(gaps.command, None);
    let whole = of("enabled = false", rows(DayState::Settled));
    let news = good_news(&[whole], &after(36), now());
    assert_eq!(news.summary, "a is disabled, so no day is due; complete through 2024-09-28");
    assert_eq!(news.others, []);
}
