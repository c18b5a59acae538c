//! How much is measured.

use std::path::PathBuf;
use std::time::Duration;

/// What the command line says.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Existing directory that everything is written under.
    pub dir: PathBuf,
    /// Only the floor of batches of so many bytes, with the largest of `in_flight`.
    pub floor: Option<FloorPlan>,
    /// Only this part.
    pub only: Option<Only>,
    /// Only the store, or one part of it: `all`, `singles`, `appends`, `partitions`, `ids`, `opening`, `amplification`,
    /// or alone `apply`, `soak` or `failover`.
    pub store: Option<String>,
    /// Keys in the state tree.
    pub state_keys: u32,
    /// Proposals in flight, one series each.
    pub in_flight: Vec<usize>,
    /// Rounds of a series; one more goes before as warm-up.
    pub rounds: usize,
    /// Proposals of one slice.
    pub slice: usize,
    /// Segments filled by each turn of the store's batches.
    pub segments_a_turn: usize,
    /// Single appends timed.
    pub singles: usize,
    /// Leaves appended a round.
    pub leaves: usize,
    /// Whether partitions are measured with a full duplicate window.
    pub fill_window: bool,
    /// Operations of one round of proofs, ids and lookups.
    pub operations: u32,
    /// Records of the partition that is opened and asked for keys.
    pub large_records: u64,
    /// Log behind its last segment when its process is killed, bytes.
    pub killed_log_bytes: u64,
    /// Records of the partition whose bytes on disk are counted; as many are written before.
    pub counted_records: u64,
    /// How long memory is watched.
    pub soak: Duration,
}

/// A part that is measured by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Only {
    /// The state tree and signatures.
    State,
    /// Sealed segments.
    Segment,
    /// Links between nodes.
    Link,
}

/// What to measure a floor with.
#[derive(Clone, Copy, Debug)]
pub struct FloorPlan {
    /// Of a batch.
    pub bytes: usize,
    /// Batches unanswered.
    pub in_flight: usize,
}

/// Why the arguments are refused.
#[derive(Debug, thiserror::Error)]
pub enum UsageError {
    /// No `--dir`.
    #[error("--dir DIR is missing: name an existing directory on the disk to be measured")]
    NoDir,
    /// An option that does not exist, or lacks its value.
    #[error(
        "unknown or incomplete option {0}: use --dir DIR, --quick, --in-flight 1,2,4,8, --floor BYTES, --state, --segment, --link, --store PART, --soak SECONDS"
    )]
    Option(String),
    /// Not a list of positive numbers.
    #[error("{0}: use positive numbers with commas between them")]
    Numbers(String),
}

impl Plan {
    /// Reads the arguments, the program's name not among them.
    ///
    /// # Errors
    /// [`UsageError`] says which argument is wrong.
    pub fn parse(mut args: impl Iterator<Item = String>) -> Result<Self, UsageError> {
        let mut dir = None;
        let mut quick = false;
        let mut in_flight = vec![1, 2, 4, 8];
        let mut floor = None;
        let mut only = None;
        let mut store = None;
        let mut soak = None;
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--quick" => quick = true,
                "--state" => only = Some(Only::State),
                "--segment" => only = Some(Only::Segment),
                "--link" => only = Some(Only::Link),
                "--store" => store = Some(args.next().ok_or(UsageError::Option(arg))?),
                "--dir" => dir = Some(PathBuf::from(args.next().ok_or(UsageError::Option(arg))?)),
                "--in-flight" => in_flight = numbers(&args.next().ok_or(UsageError::Option(arg))?)?,
                "--soak" => {
                    let given = numbers(&args.next().ok_or(UsageError::Option(arg))?)?;
                    soak = given
                        .first()
                        .map(|&seconds| Duration::from_secs(seconds as u64));
                }
                "--floor" => {
                    let given = numbers(&args.next().ok_or(UsageError::Option(arg))?)?;
                    floor = given.first().copied();
                }
                _ => return Err(UsageError::Option(arg)),
            }
        }
        let dir = dir.ok_or(UsageError::NoDir)?;
        let deepest = in_flight.iter().copied().max().unwrap_or(1);
        let full = Self {
            dir,
            floor: floor.map(|bytes| FloorPlan {
                bytes,
                in_flight: deepest,
            }),
            only,
            store,
            state_keys: 1_000_000,
            in_flight,
            rounds: 11,
            slice: 256,
            segments_a_turn: 2,
            singles: 4000,
            leaves: 1 << 20,
            fill_window: true,
            operations: 200_000,
            large_records: 10_000_000,
            killed_log_bytes: 256_000_000,
            counted_records: 1 << 20,
            soak: Duration::from_secs(20),
        };
        let plan = if quick { full.quick() } else { full };
        Ok(Self {
            soak: soak.unwrap_or(plan.soak),
            ..plan
        })
    }

    fn quick(self) -> Self {
        Self {
            rounds: 2,
            state_keys: 50_000,
            slice: 24,
            segments_a_turn: 1,
            singles: 200,
            leaves: 1 << 16,
            fill_window: false,
            operations: 5_000,
            large_records: 625_000,
            killed_log_bytes: 8_000_000,
            counted_records: 1 << 18,
            soak: Duration::from_secs(3),
            ..self
        }
    }
}

fn numbers(text: &str) -> Result<Vec<usize>, UsageError> {
    text.split(',')
        .map(|number| number.parse().ok().filter(|&n| n > 0))
        .collect::<Option<_>>()
        .ok_or_else(|| UsageError::Numbers(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Plan, UsageError> {
        Plan::parse(text.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn reads_its_arguments() {
        let plan = parse("--dir d --in-flight 1,3").expect("valid");
        assert_eq!(plan.dir, PathBuf::from("d"));
        assert_eq!(plan.in_flight, [1, 3]);
        let quick = parse("--quick --dir d").expect("valid");
        assert!(quick.rounds < plan.rounds && quick.in_flight.len() == 4);
        assert!(quick.soak < plan.soak && quick.large_records < plan.large_records);
        let soak = parse("--quick --dir d --soak 60").expect("valid").soak;
        assert_eq!(soak, Duration::from_mins(1));
        let only = |text| parse(text).expect("valid").only;
        assert_eq!(only("--dir d"), None);
        assert_eq!(only("--state --dir d"), Some(Only::State));
        assert_eq!(only("--link --dir d"), Some(Only::Link));
    }

    #[test]
    fn refuses_others() {
        assert!(matches!(parse(""), Err(UsageError::NoDir)));
        assert!(matches!(parse("--dir"), Err(UsageError::Option(_))));
        assert!(matches!(
            parse("--dir d --fast"),
            Err(UsageError::Option(_))
        ));
        assert!(matches!(
            parse("--dir d --in-flight 1,0"),
            Err(UsageError::Numbers(_))
        ));
        assert!(matches!(
            parse("--dir d --soak 0"),
            Err(UsageError::Numbers(_))
        ));
    }
}
