//! The BFT core across the boundary: cores in a registry, named by a number. Meaning: native/bft-types.ts.

use std::collections::HashMap;
use std::sync::Arc;

use napi::bindgen_prelude::{BigInt, Buffer, Uint8Array};
use napi_derive::napi;
use parking_lot::Mutex;
use pyralog_bft::{
    Address, BftCore, BftError, BftInput, BftOptions, BlockId, Committed, JudgedValue, Timer,
    encode_commit, message_info, verify_commit,
};

use crate::bft_convert::{
    NativeBftInfo, NativeBftStep, NativeBftTimeout, NativeBftValidator, array, bad, failed, height,
    info_of, power_of, round, step_of, timer_step, validators,
};
use crate::error::Result;
use crate::handles::Handles;

static CORES: Handles<Arc<Mutex<BftCore>>> = Handles::new();

fn with<T>(
    handle: u32,
    run: impl FnOnce(&mut BftCore) -> std::result::Result<T, BftError>,
) -> Result<T> {
    let core = CORES.get(handle);
    let core = core.ok_or_else(|| bad("bft/closed", "the BFT core was closed"))?;
    let result = run(&mut core.lock());
    result.map_err(|error| failed(&error))
}

fn step(handle: u32, input: BftInput) -> Result<NativeBftStep> {
    with(handle, |core| core.step(input)).map(step_of)
}

/// Makes a core.
#[napi(catch_unwind)]
pub fn bft_open(
    network: String,
    set: Vec<NativeBftValidator>,
    at: f64,
    me: Option<Uint8Array>,
) -> Result<u32> {
    let me = me.map(|key| array(&key, "self")).transpose()?;
    let options = BftOptions {
        network: &network,
        validators: validators(&set)?,
        height: height(at)?,
        me,
    };
    let core = BftCore::new(options).map_err(|error| failed(&error))?;
    Ok(CORES.put(Arc::new(Mutex::new(core))))
}

/// Frees a core.
#[napi(catch_unwind)]
pub fn bft_close(handle: u32) {
    drop(CORES.take(handle));
}

/// Begins a height.
#[napi(catch_unwind)]
pub fn bft_start_height(
    handle: u32,
    at: f64,
    set: Vec<NativeBftValidator>,
    restart: bool,
) -> Result<NativeBftStep> {
    let input = BftInput::StartHeight {
        height: height(at)?,
        validators: validators(&set)?,
        restart,
    };
    step(handle, input)
}

/// A message of a peer.
#[napi(catch_unwind)]
pub fn bft_message(handle: u32, bytes: &[u8]) -> Result<NativeBftStep> {
    step(handle, BftInput::Message(bytes))
}

/// Our own value.
#[napi(catch_unwind)]
pub fn bft_propose(handle: u32, at: f64, in_round: f64, id: &[u8]) -> Result<NativeBftStep> {
    let input = BftInput::Propose {
        height: height(at)?,
        round: round(in_round)?,
        id: BlockId(array(id, "id")?),
    };
    step(handle, input)
}

/// A judged body.
#[napi(object)]
pub struct NativeBftValue {
    /// Height.
    pub height: f64,
    /// Round.
    pub round: f64,
    /// Round of the polka it repeats, or −1.
    pub valid_round: f64,
    /// Proposer.
    pub proposer: Uint8Array,
    /// Block.
    pub id: Uint8Array,
    /// Verdict.
    pub valid: bool,
}

/// A judged body is here.
#[napi(catch_unwind)]
pub fn bft_value(handle: u32, value: NativeBftValue) -> Result<NativeBftStep> {
    let none = value.valid_round < 0.0;
    let valid_round = (!none).then(|| round(value.valid_round)).transpose()?;
    let judged = JudgedValue {
        height: height(value.height)?,
        round: round(value.round)?,
        valid_round,
        proposer: Address(array(&value.proposer, "proposer")?),
        id: BlockId(array(&value.id, "id")?),
        valid: value.valid,
    };
    step(handle, BftInput::Value(judged))
}

/// A timer ran out.
#[napi(catch_unwind)]
pub fn bft_timeout(handle: u32, timeout: NativeBftTimeout) -> Result<NativeBftStep> {
    let timer = Timer {
        step: timer_step(&timeout.step)?,
        height: height(timeout.height)?,
        round: round(timeout.round)?,
    };
    step(handle, BftInput::Timeout(timer))
}

/// Goes on with a signature, or with a refusal.
#[napi(catch_unwind)]
pub fn bft_resume(handle: u32, signature: Option<Uint8Array>) -> Result<NativeBftStep> {
    let signature = signature.map(|bytes| array(&bytes, "the signature"));
    let signature = signature.transpose()?;
    with(handle, |core| core.resume(signature)).map(step_of)
}

/// Begins a height from its log.
#[napi(catch_unwind)]
pub fn bft_replay(
    handle: u32,
    at: f64,
    set: Vec<NativeBftValidator>,
    entries: Vec<Uint8Array>,
) -> Result<NativeBftStep> {
    let (at, set) = (height(at)?, validators(&set)?);
    let entries: Vec<&[u8]> = entries.iter().map(|entry| &entry[..]).collect();
    with(handle, |core| core.replay(at, set, entries)).map(step_of)
}

/// Where a core is.
#[napi(object)]
pub struct NativeBftPosition {
    /// Height.
    pub height: f64,
    /// Round, or −1.
    pub round: f64,
    /// Whether a signature is awaited.
    pub suspended: bool,
}

/// Where a core is.
#[napi(catch_unwind)]
pub fn bft_position(handle: u32) -> Result<NativeBftPosition> {
    with(handle, |core| {
        Ok(NativeBftPosition {
            height: core.height() as f64,
            round: core.round().map_or(-1.0, f64::from),
            suspended: core.suspended(),
        })
    })
}

/// Reads a message.
#[napi(catch_unwind)]
pub fn bft_message_info(bytes: &[u8]) -> Option<NativeBftInfo> {
    message_info(bytes).map(info_of)
}

/// Places of the validators in the order of the set.
#[napi(catch_unwind)]
pub fn bft_order(set: Vec<NativeBftValidator>) -> Result<Vec<u32>> {
    let sorted = validators(&set)?;
    let places: HashMap<&[u8], u32> = set.iter().map(|v| &v.key[..]).zip(0..).collect();
    let list = sorted.list().iter();
    Ok(list
        .filter_map(|validator| places.get(&validator.address().0[..]).copied())
        .collect())
}

/// Whose turn it is.
#[napi(catch_unwind)]
pub fn bft_proposer(set: Vec<NativeBftValidator>, at: f64, in_round: f64) -> Result<Buffer> {
    let (at, in_round) = (height(at)?, round(in_round)?);
    let proposer = validators(&set)?.proposer(at, in_round).address();
    Ok(proposer.0[..].into())
}

/// A precommit's signature.
#[napi(object)]
pub struct NativeBftPrecommit {
    /// Signer.
    pub validator: Uint8Array,
    /// Signature.
    pub signature: Uint8Array,
}

/// The commit certificate of precommits.
#[napi(catch_unwind)]
pub fn bft_encode_commit(
    set: Vec<NativeBftValidator>,
    in_round: f64,
    precommits: Vec<NativeBftPrecommit>,
) -> Result<Buffer> {
    let list = precommits.iter().map(|precommit| {
        let address = Address(array(&precommit.validator, "validator")?);
        let signature = array(&precommit.signature, "signature")?;
        Ok((address, pyralog_bft::Signature(signature)))
    });
    let list = list.collect::<Result<Vec<_>>>()?;
    let encoded = encode_commit(&validators(&set)?, round(in_round)?, &list);
    Ok(encoded.map_err(|error| failed(&error))?.into())
}

/// A certificate and what it is checked against.
#[napi(object)]
pub struct NativeBftCommit {
    /// Network id.
    pub network: String,
    /// Validators.
    pub validators: Vec<NativeBftValidator>,
    /// Height.
    pub height: f64,
    /// Block.
    pub id: Uint8Array,
    /// Certificate.
    pub certificate: Uint8Array,
}

/// What a certificate proves.
#[napi(object)]
pub struct NativeBftVerdict {
    /// Why nothing, if so.
    pub reason: Option<String>,
    /// Round decided in.
    pub round: f64,
    /// Power that signed.
    pub power: BigInt,
}

/// Checks a certificate.
#[napi(catch_unwind)]
pub fn bft_verify_commit(commit: NativeBftCommit) -> Result<NativeBftVerdict> {
    let set = validators(&commit.validators)?;
    let committed = Committed {
        network: &commit.network,
        validators: &set,
        height: height(commit.height)?,
        id: BlockId(array(&commit.id, "id")?),
    };
    Ok(match verify_commit(committed, &commit.certificate) {
        Ok(proof) => NativeBftVerdict {
            reason: None,
            round: f64::from(proof.round),
            power: power_of(proof.power),
        },
        Err(refusal) => NativeBftVerdict {
            reason: Some(refusal.name().to_owned()),
            round: 0.0,
            power: power_of(0),
        },
    })
}
