//! Checks of the values that a command brings.

use crate::limits::{
    NAME_BYTES_MAX, SETTING_BYTES_MAX, SETTINGS_MAX, TEXT_BYTES_MAX, TTL_MS_MAX, TTL_MS_MIN,
    VOTERS_MAX, WEIGHT_MAX,
};
use crate::member::{Labels, NewMember};
use crate::outcome::{Code, Refusal};
use crate::settings::{Planning, Replication};

pub(crate) type Checked = Result<(), Refusal>;

pub(crate) fn refused(code: Code, words: impl Into<String>) -> Refusal {
    Refusal::new(code, words)
}

pub(crate) fn invalid(words: impl Into<String>) -> Refusal {
    Refusal::new(Code::Invalid, words)
}

/// Name of a cluster or a log (I1).
pub(crate) fn log_name(name: &str) -> Checked {
    let first = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let other = |byte: u8| first(byte) || matches!(byte, b'.' | b'_' | b'-');
    if name.len() <= 63 && name.bytes().next().is_some_and(first) && name.bytes().all(other) {
        return Ok(());
    }
    Err(invalid(
        "a log's name has 1 to 63 lower-case letters, digits, '.', '_' and '-', a letter or digit first",
    ))
}

/// Name of a node (I1).
fn node_name(name: &str) -> Checked {
    let first = name
        .bytes()
        .next()
        .is_some_and(|byte| byte.is_ascii_lowercase());
    let other = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if name.len() <= 31 && first && name.bytes().all(other) {
        return Ok(());
    }
    Err(invalid(
        "a node's name has 1 to 31 lower-case letters, digits and '-', a letter first",
    ))
}

fn text(what: &str, text: &str) -> Checked {
    if text.len() > TEXT_BYTES_MAX || text.chars().any(|one| one.is_control() || one == ' ') {
        return Err(invalid(format!(
            "{what} has at most {TEXT_BYTES_MAX} bytes, no spaces and no control characters"
        )));
    }
    Ok(())
}

pub(crate) fn address(address: &str) -> Checked {
    text("an address", address)?;
    let port = address
        .rsplit_once(':')
        .filter(|(host, _)| !host.is_empty());
    match port.and_then(|(_, port)| port.parse::<u16>().ok()) {
        Some(1..) => Ok(()),
        _ => Err(invalid(
            "an address is host:port with a port from 1 to 65535",
        )),
    }
}

pub(crate) fn rpc(url: &str) -> Checked {
    text("the URL of a member", url)
}

pub(crate) fn labels(labels: &Labels) -> Checked {
    text("a zone", &labels.zone)?;
    text("a rack", &labels.rack)
}

pub(crate) fn weight(weight: u16) -> Checked {
    if (1..=WEIGHT_MAX).contains(&weight) {
        return Ok(());
    }
    Err(invalid(format!(
        "a weight is 1 to {WEIGHT_MAX}, and 100 for a member like the others"
    )))
}

/// What a new member says of itself, apart from the other members.
pub(crate) fn new_member(member: &NewMember) -> Checked {
    if !(1..=crate::NODE_MAX).contains(&member.number) {
        return Err(invalid("a member's number is 1 to 1023"));
    }
    node_name(&member.name)?;
    address(&member.address)?;
    rpc(&member.rpc)?;
    labels(&member.labels)?;
    weight(member.weight)?;
    let name = &member.cosigner_name;
    text("the name of a cosigning key", name)?;
    if name.rsplit_once('/').map(|(_, node)| node) != Some(member.name.as_str())
        || name.contains('+')
    {
        return Err(invalid(format!(
            "the cosigning key of {} is named {name}: its name is that of the cluster's scope and the node (I4)",
            member.name
        )));
    }
    Ok(())
}

/// What origins begin with (I4); with the longest name of a log behind it, an origin has 255 bytes at most.
pub(crate) fn scope(scope: &str) -> Checked {
    let mut parts = scope.split('/');
    let parts = [parts.next(), parts.next(), parts.next(), parts.next()];
    let [Some("pyralog"), Some(network), Some(cluster), None] = parts else {
        return Err(invalid(
            "a cluster's scope is pyralog/<network id>/<cluster>",
        ));
    };
    text("a network id", network)?;
    log_name(cluster)?;
    if network.is_empty() || network.contains('+') || scope.len() > 150 {
        return Err(invalid(
            "a network id has 1 to 79 characters, none of them '+'",
        ));
    }
    Ok(())
}

/// GR10.
pub(crate) fn replication(wanted: Replication) -> Checked {
    let voters = wanted.voters;
    if voters == 0 || usize::from(voters) > VOTERS_MAX {
        return Err(invalid("a group has 1 to 7 voters"));
    }
    if wanted.faults >= voters {
        return Err(invalid(format!(
            "{} of {voters} voters may lie: fewer than all of them may",
            wanted.faults
        )));
    }
    Ok(())
}
/// A name that callers choose: 1 to 128 bytes, no control characters.
pub(crate) fn chosen_name(what: &str, name: &str) -> Checked {
    if name.is_empty() || name.len() > NAME_BYTES_MAX || name.chars().any(char::is_control) {
        return Err(invalid(format!(
            "the name of a {what} has 1 to {NAME_BYTES_MAX} bytes and no control characters"
        )));
    }
    Ok(())
}

pub(crate) fn ttl(ttl_ms: u64) -> Checked {
    if (TTL_MS_MIN..=TTL_MS_MAX).contains(&ttl_ms) {
        return Ok(());
    }
    Err(invalid(format!(
        "{ttl_ms} ms: give a time from {TTL_MS_MIN} to {TTL_MS_MAX} ms"
    )))
}

/// An owner, a holder, a consumer, as callers name themselves.
pub(crate) fn for_a_time(what: &str, name: &str, ttl_ms: u64) -> Checked {
    chosen_name(what, name)?;
    ttl(ttl_ms)
}

/// What the planner keeps to (PM8).
pub(crate) fn planning(planning: Planning) -> Checked {
    let dead_after = planning.dead_after_ms;
    if dead_after > 0 && !(1_000..=TTL_MS_MAX).contains(&dead_after) {
        return Err(invalid(
            "a member is dead after 1,000 to 86,400,000 ms, or never (0)",
        ));
    }
    if !(1..=1_024).contains(&planning.moves_max) {
        return Err(invalid("1 to 1,024 groups are on their way at once"));
    }
    if !(1..=64).contains(&planning.scatter_width) {
        return Err(invalid("the scatter width is 1 to 64"));
    }
    Ok(())
}

/// A setting's value, and how many settings there would be.
pub(crate) fn setting(value: &str, count: usize) -> Checked {
    if value.len() > SETTING_BYTES_MAX {
        return Err(invalid(format!(
            "a setting has at most {SETTING_BYTES_MAX} bytes"
        )));
    }
    if count > SETTINGS_MAX {
        let words = format!("a cluster has at most {SETTINGS_MAX} settings");
        return Err(refused(Code::Limit, words));
    }
    Ok(())
}
