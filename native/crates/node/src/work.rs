//! Work on Node's thread pool: what blocks never runs on the event loop.

use std::panic::{AssertUnwindSafe, catch_unwind};

use napi::bindgen_prelude::{AsyncTask, Buffer};
use napi::{Env, Task};
use napi_derive::napi;

use crate::error::Coded;

/// What work of the pool came to. It cannot throw with a code of ours, so failures come as values.
#[napi(object)]
pub struct NativeAnswer {
    /// Bytes, when it answers with bytes.
    pub bytes: Option<Buffer>,
    /// A number, when it answers with one.
    pub number: Option<f64>,
    /// Code when it failed.
    pub code: Option<String>,
    /// Message when it failed.
    pub message: Option<String>,
    /// What in the input it failed at, when there is such a thing: a field's path.
    pub field: Option<String>,
}

/// The Rust side of [`NativeAnswer`].
pub enum Answer {
    /// Nothing to say, or nothing there.
    Empty,
    /// Bytes.
    Bytes(Vec<u8>),
    /// A number below 2^53.
    Number(u64),
    /// Both.
    Both(u64, Vec<u8>),
    /// It failed: code and message.
    Failed(&'static str, String),
    /// It failed at something: code, message, field.
    FailedAt(&'static str, String, String),
}

/// An answer, or why there is none.
pub fn answered(result: Result<Answer, impl Coded>) -> Answer {
    result.unwrap_or_else(|error| match error.field() {
        Some(field) => Answer::FailedAt(error.code(), error.to_string(), field.to_owned()),
        None => Answer::Failed(error.code(), error.to_string()),
    })
}

/// Work that waits for a thread.
pub struct Work(Option<Box<dyn FnOnce() -> Answer + Send>>);

/// Puts work on the pool.
pub fn work(body: impl FnOnce() -> Answer + Send + 'static) -> AsyncTask<Work> {
    AsyncTask::new(Work(Some(Box::new(body))))
}

impl Task for Work {
    type Output = Answer;
    type JsValue = NativeAnswer;

    fn compute(&mut self) -> napi::Result<Answer> {
        let Some(body) = self.0.take() else {
            return Ok(Answer::Empty);
        };
        catch_unwind(AssertUnwindSafe(body))
            .map_err(|_| napi::Error::from_reason("the native core panicked"))
    }

    fn resolve(&mut self, _: Env, answer: Answer) -> napi::Result<NativeAnswer> {
        let mut out = NativeAnswer {
            bytes: None,
            number: None,
            code: None,
            message: None,
            field: None,
        };
        match answer {
            Answer::Empty => {}
            Answer::Bytes(bytes) => out.bytes = Some(bytes.into()),
            Answer::Number(number) => out.number = Some(number as f64),
            Answer::Both(number, bytes) => {
                out.number = Some(number as f64);
                out.bytes = Some(bytes.into());
            }
            Answer::FailedAt(code, message, field) => {
                out.code = Some(code.to_owned());
                out.message = Some(message);
                out.field = Some(field);
            }
            Answer::Failed(code, message) => {
                out.code = Some(code.to_owned());
                out.message = Some(message);
            }
        }
        Ok(out)
    }
}
