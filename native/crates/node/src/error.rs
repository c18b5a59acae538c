//! Errors on their way to JavaScript: the code as `error.code`.

use pyralog_host::HostError;

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

/// The one conversion of errors.
pub fn to_js(error: &HostError) -> napi::Error<Code> {
    napi::Error::new(Code(error.code()), error.to_string())
}

/// An argument out of its type's range.
pub fn bad_argument(message: impl ToString) -> napi::Error<Code> {
    napi::Error::new(Code("log/out-of-range"), message.to_string())
}
