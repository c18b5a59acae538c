//! Wrong turns that tests switch on in the production code, to prove that the checkers notice.

/// Makes a crate's `Mutant`, and with it `on` and, in tests, `with`. In builds `on` is a constant, and nothing is left of it.
#[macro_export]
macro_rules! mutants {
    ($($(#[$doc:meta])* $name:ident,)+) => {
        /// One alteration each.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Mutant {
            $($(#[$doc])* $name,)+
        }

        #[cfg(test)]
        thread_local! {
            static ACTIVE: std::cell::Cell<Option<Mutant>> = const { std::cell::Cell::new(None) };
        }

        /// Whether the alteration is switched on in this thread.
        #[cfg(test)]
        pub(crate) fn on(mutant: Mutant) -> bool {
            ACTIVE.get() == Some(mutant)
        }

        /// Never, outside tests.
        #[cfg(not(test))]
        pub(crate) const fn on(_mutant: Mutant) -> bool {
            false
        }

        /// Runs `body` with one alteration switched on.
        #[cfg(test)]
        pub(crate) fn with<T>(mutant: Mutant, body: impl FnOnce() -> T) -> T {
            struct Off;
            impl Drop for Off {
                fn drop(&mut self) {
                    ACTIVE.set(None);
                }
            }
            let _off = Off;
            ACTIVE.set(Some(mutant));
            body()
        }
    };
}
