//! The floor of links: the same bytes over bare TCP of the loopback interface, with blocking sockets and a thread at each end.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Instant;

use crate::cpu;
use crate::error::BenchError;
use crate::link::{Flow, Trips};
use crate::sample::Samples;

fn pair() -> Result<(TcpStream, TcpStream), BenchError> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let one = TcpStream::connect(listener.local_addr()?)?;
    let (two, _) = listener.accept()?;
    one.set_nodelay(true)?;
    two.set_nodelay(true)?;
    Ok((one, two))
}

/// `count` times there and back with messages of `bytes` bytes.
pub fn ping_pong(count: usize, bytes: usize) -> Result<Trips, BenchError> {
    let (mut one, mut two) = pair()?;
    let echo = thread::spawn(move || {
        let mut message = vec![0; bytes];
        // It ends when the other side closes.
        while two.read_exact(&mut message).is_ok() && two.write_all(&message).is_ok() {}
    });
    let mut message = vec![7; bytes];
    let mut micros = Samples::default();
    let cpu = cpu::process();
    for _ in 0..count {
        let start = Instant::now();
        one.write_all(&message)?;
        one.read_exact(&mut message)?;
        micros.push_micros(start.elapsed());
    }
    let cpu = cpu::process().saturating_sub(cpu);
    drop(one);
    join(echo)?;
    Ok(Trips { micros, cpu, count })
}

/// `count` messages of `bytes` bytes one way, read by 256 KiB.
pub fn one_way(count: usize, bytes: usize) -> Result<Flow, BenchError> {
    let (mut one, mut two) = pair()?;
    let (cpu, start) = (cpu::process(), Instant::now());
    let reader = thread::spawn(move || {
        let mut room = vec![0; 256 << 10];
        let mut left = count * bytes;
        while left > 0 {
            match two.read(&mut room) {
                Ok(0) | Err(_) => break,
                Ok(read) => left -= read,
            }
        }
        left
    });
    let message = vec![7; bytes];
    for _ in 0..count {
        one.write_all(&message)?;
    }
    let left = join(reader)?;
    if left > 0 {
        return Err(BenchError::WrongAnswer(format!("{left} bytes were lost")));
    }
    Ok(Flow {
        took: start.elapsed(),
        cpu: cpu::process().saturating_sub(cpu),
        count,
        bytes,
    })
}

fn join<T>(thread: thread::JoinHandle<T>) -> Result<T, BenchError> {
    thread
        .join()
        .map_err(|_| BenchError::WrongAnswer("a thread of the floor panicked".to_owned()))
}
