//! Errors on their way to JavaScript: the code as `error.code`.

use std::fmt::Display;

use pyralog_host::HostError;
use pyralog_labelled::LabelledError;
use pyralog_lsm::LsmError;
use pyralog_object::ObjectError;
use pyralog_repair::RepairError;
use pyralog_schema::SchemaError;
use pyralog_segment::SegmentError;
use pyralog_sig::SigError;
use pyralog_state::StateError;

/// A `NativeErrorCode` of native/types.ts.
pub struct Code(pub &'static str);

impl AsRef<str> for Code {
    fn as_ref(&self) -> &str {
        self.0
    }
}

impl From<napi::Status> for Code {
    fn from(_: napi::Status) -> Self {
        Self("binding/argument")
    }
}

/// What functions of the binding return.
pub type Result<T> = std::result::Result<T, napi::Error<Code>>;

/// An error that TypeScript knows by a code.
pub trait Coded: Display {
    /// The code.
    fn code(&self) -> &'static str;

    /// What in the input it is about, when it can tell: a field's path.
    fn field(&self) -> Option<&str> {
        None
    }
}

macro_rules! coded {
    ($($error:ty),+) => {
        $(impl Coded for $error {
            fn code(&self) -> &'static str {
                self.code()
            }
        })+
    };
}

coded!(
    HostError,
    LabelledError,
    LsmError,
    ObjectError,
    RepairError,
    SegmentError,
    SigError,
    StateError
);

impl Coded for SchemaError {
    fn code(&self) -> &'static str {
        self.code()
    }

    fn field(&self) -> Option<&str> {
        self.field()
    }
}

/// The one conversion of errors.
pub fn refused(error: impl Coded) -> napi::Error<Code> {
    napi::Error::new(Code(error.code()), error.to_string())
}

/// An argument out of its type's range.
pub fn bad_argument(message: impl ToString) -> napi::Error<Code> {
    napi::Error::new(Code("log/out-of-range"), message.to_string())
}
