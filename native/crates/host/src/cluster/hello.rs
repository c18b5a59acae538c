//! What hosts tell each other when a link comes up (LK4), and what they do not accept.

/// Version of what hosts say to each other.
const VERSION: u32 = 1;

/// A node's introduction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hello {
    version: u32,
    /// Which store: another one under the same number is a wiped disk (RF14).
    pub store_id: [u8; 16],
    wall_ms: u64,
}

impl Hello {
    pub fn new(store_id: [u8; 16], wall_ms: u64) -> Self {
        Self {
            version: VERSION,
            store_id,
            wall_ms,
        }
    }

    pub fn encode(&self) -> Vec<u8> {
        let mut out = self.version.to_le_bytes().to_vec();
        out.extend_from_slice(&self.store_id);
        out.extend_from_slice(&self.wall_ms.to_le_bytes());
        out
    }

    /// # Errors
    /// What is wrong, in words for both operators.
    pub fn decode(bytes: &[u8]) -> Result<Self, String> {
        let version = bytes.first_chunk().map(|bytes| u32::from_le_bytes(*bytes));
        if version != Some(VERSION) {
            return Err(format!(
                "nodes of one cluster must speak one version: this one speaks {VERSION}, the other {}; bring the older one up to date",
                version.map_or("something else".to_owned(), |version| version.to_string())
            ));
        }
        let fields = bytes[4..].split_first_chunk();
        let fields = fields.and_then(|(store_id, rest)| Some((*store_id, rest.try_into().ok()?)));
        let (store_id, wall) = fields.ok_or("a hello of another length")?;
        Ok(Self {
            version: VERSION,
            store_id,
            wall_ms: u64::from_le_bytes(wall),
        })
    }

    /// Whether a node may join in. Ids and times follow the clock of whoever leads: one that runs too far ahead would push
    /// those of all others there, and they could not follow (S4).
    ///
    /// # Errors
    /// What is wrong, in words for both operators.
    pub fn judge(&self, wall_ms: u64, lead_ms_max: u64) -> Result<(), String> {
        let apart = self.wall_ms.abs_diff(wall_ms);
        // Half of what ids may lead, so that either side could take over from the other.
        if apart <= lead_ms_max / 2 {
            return Ok(());
        }
        Err(format!(
            "the clocks of both nodes are {} s apart, at most {} s are allowed; set them right (NTP) and the link comes up by itself",
            apart / 1_000,
            lead_ms_max / 2_000
        ))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may stop where it stands
mod tests {
    use super::*;

    #[test]
    fn comes_back_as_it_was_and_refuses_all_else() {
        let hello = Hello::new([7; 16], 1_790_000_000_000);
        let bytes = hello.encode();
        assert_eq!(Hello::decode(&bytes), Ok(hello));
        for length in 0..bytes.len() {
            assert!(Hello::decode(&bytes[..length]).is_err());
        }
        let newer = [&2_u32.to_le_bytes(), &bytes[4..]].concat();
        let refused = Hello::decode(&newer).unwrap_err();
        assert!(
            refused.contains("this one speaks 1, the other 2"),
            "{refused}"
        );
    }

    #[test]
    fn clocks_may_be_apart_by_half_of_what_ids_may_lead() {
        let hello = Hello::new([7; 16], 1_790_000_000_000);
        assert_eq!(
            hello.judge(1_790_000_000_000 + 3_600_000, 7_200_000),
            Ok(())
        );
        let refused = hello.judge(1_790_000_000_000 - 3_600_001, 7_200_000);
        assert!(refused.unwrap_err().contains("3600 s apart"));
    }
}
