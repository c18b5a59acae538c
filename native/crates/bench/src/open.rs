//! Opening a log again: how long, and how much of it is hashed again (merkle.md M6).

use std::path::Path;

use crate::error::BenchError;
use crate::figure::Figure;
use crate::subject::Subject;

/// Opens the log in `dir`, which was closed in order, and closes it.
pub fn measure(dir: &Path) -> Result<(), BenchError> {
    let (subject, recovery) = Subject::open(dir)?;
    let records = subject.size()? as f64;
    Figure::new("records at open", records, "records").print()?;
    Figure::new("open", recovery.millis, "ms").print()?;
    Figure::new("hashes at open", recovery.hashes as f64, "hashes").print()?;
    subject.close()
}
