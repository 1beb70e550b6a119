//! The database that all histories share: the Python logger's, adopted.

use auditsync::store::{AdoptRequest, Holder, Reader, Store};
use chrono::{Days, NaiveDate};
use pg_cluster::Database;
use uuid::Uuid;

/// Its table, with days in each of its states.
#[path = "../suite/support/python_logger.rs"]
mod python_logger;

/// The source of the adopted days.
pub(crate) const ADOPTED: &str = "adopted";

/// The date of the adopted day with this number.
pub(crate) fn adopted_day(number: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2020, 1, 1).expect("a date") + Days::new(u64::from(number))
}

/// A database with at least as many adopted days as there are histories that take one.
pub(crate) fn adopted(histories: u32) -> Database {
    let database = pg_cluster::fresh_database();
    let days = histories / 5 + 1;
    let rows = format!(
        "{} INSERT INTO audit_events_log (process_date, status, events_count)
         SELECT DATE '2020-01-01' + n, (ARRAY['SUCCESS', 'SUCCESS', 'FAILED', 'PROCESSING',
             'ERROR', 'PENDING'])[1 + n % 6], n % 4
         FROM generate_series(0, {days}) AS n",
        python_logger::TABLE
    );
    database.psql(&rows).expect("the Python logger's table");
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let reader = Reader::connect(database.url(), 1).await.expect("a connection");
        let holder = Holder { run_id: Uuid::new_v4(), place: "start".to_owned() };
        let request =
            AdoptRequest { source: ADOPTED, reread: false, rehearse: false, by: "histories" };
        let adopted = Store::new(&reader, &holder).adopt(&request).await.expect("an adoption");
        assert!(adopted.is_some_and(|adopted| adopted.days > i64::from(histories / 5)));
        reader.close().await;
    });
    database
}
