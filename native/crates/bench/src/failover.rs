//! Three members that replicate hundreds of partitions: what they cost while nothing happens, and how long each is without a
//! leader when the process that leads all of them is killed.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use pyralog_host::{
    ClusterOptions, ClusterStatus, Host, HostOptions, MemberOptions, PartitionOptions,
    PartitionRole, Policy, Reply, World,
};
use pyralog_link::TransportKey;
use pyralog_log::{Durability, RealFiles};
use pyralog_partition::DedupWindow;
use pyralog_sig::public_key;

use crate::cpu;
use crate::error::BenchError;
use crate::figure::Figure;
use crate::plan::Plan;
use crate::sample::Samples;

/// As a part of the store's bench; and what the process is told that is to be killed.
pub const FAILOVER: &str = "failover";
pub const VICTIM: &str = "failover-victim";

const MEMBERS: u16 = 3;
/// The one that leads, and is killed.
const LEADER: u16 = 1;
const GROUPS: usize = 600;
const QUICK_GROUPS: usize = 40;
const ROUNDS: usize = 5;
/// How often partitions are looked at while they have no leader.
const LOOK: Duration = Duration::from_millis(1);
const WAIT_MAX: Duration = Duration::from_mins(1);

/// All figures.
pub fn measure(plan: &Plan) -> Result<(), BenchError> {
    let (groups, rounds) = if plan.fill_window {
        (GROUPS, ROUNDS)
    } else {
        (QUICK_GROUPS, 1)
    };
    let dir = plan.dir.join(FAILOVER);
    fs::create_dir_all(&dir)?;
    fs::write(dir.join("ports"), ports()?)?;
    fs::write(dir.join("groups"), groups.to_string())?;
    let hosts = [open(&dir, 2)?, open(&dir, 3)?];
    let mut gaps = Samples::default();
    let mut spent = Samples::default();
    for round in 0..rounds {
        let mut victim = Victim::start(&dir)?;
        lead_all(&hosts, groups)?;
        if round == 0 {
            rest(groups)?;
        }
        let before = cpu::process();
        victim.kill()?;
        // A process that is killed closes its connections: that is when the others can know.
        let killed = Instant::now();
        for gap in until_led(&hosts, groups, killed)? {
            gaps.push_micros(gap);
        }
        spent.push(cpu::process().saturating_sub(before).as_secs_f64() * 1e3);
    }
    let millis = |q| gaps.quantile(q) / 1e3;
    Figure::new("failover, groups at once", groups as f64, "groups").print()?;
    Figure::new("failover p50, from the kill to a leader", millis(0.5), "ms").print()?;
    Figure::new(
        "failover p99, from the kill to a leader",
        millis(0.99),
        "ms",
    )
    .print()?;
    let both = spent.median();
    Figure::new("failover, processor of both survivors", both, "ms").print()?;
    for host in hosts {
        host.close()?;
    }
    fs::remove_dir_all(dir)?;
    Ok(())
}

/// What the process does that is to be killed: it is a member until it is.
pub fn be_the_leader(plan: &Plan) -> Result<(), BenchError> {
    std::thread::spawn(|| {
        // Ends when the other end is closed: a process of a bench outlives none.
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        std::process::exit(1);
    });
    let _host = open(&plan.dir, LEADER)?;
    println!("up");
    loop {
        std::thread::park();
    }
}

struct Victim(Child);

impl Victim {
    fn start(dir: &Path) -> Result<Self, BenchError> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["--store", VICTIM, "--dir"])
            .arg(dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        if let Some(out) = child.stdout.take() {
            BufReader::new(out).read_line(&mut line)?;
        }
        Ok(Self(child))
    }

    fn kill(&mut self) -> Result<(), BenchError> {
        self.0.kill()?;
        self.0.wait()?;
        Ok(())
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        let _ = self.kill(); // dead already
    }
}

fn ports() -> Result<String, BenchError> {
    let held = (0..MEMBERS).map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)));
    let held = held.collect::<Result<Vec<_>, _>>()?;
    let ports = held
        .iter()
        .map(|one| Ok(one.local_addr()?.port().to_string()));
    Ok(ports.collect::<Result<Vec<_>, std::io::Error>>()?.join(" "))
}

fn open(dir: &Path, node: u16) -> Result<Host, BenchError> {
    let scope = "pyralog/bench-0000000000000000/local";
    let wrong = |what: &str| BenchError::WrongAnswer(format!("{what} of the members"));
    let ports = fs::read_to_string(dir.join("ports"))?;
    let groups = fs::read_to_string(dir.join("groups"))?.parse();
    let groups: usize = groups.map_err(|_| wrong("groups"))?;
    let key = |node: u16| TransportKey::from_bytes([node as u8; 32]);
    let seed = |node: u16| [100 + node as u8; 32];
    let name = |node: u16| format!("{scope}/node-{node}");
    let members = (1..=MEMBERS)
        .zip(ports.split(' '))
        .map(|(node, port)| MemberOptions {
            node,
            transport: key(node).public(),
            address: format!("127.0.0.1:{port}"),
            rpc: String::new(),
            cosigner_name: name(node),
            cosigner: public_key(&seed(node)),
        });
    let members: Vec<MemberOptions> = members.collect();
    let own = members.iter().find(|member| member.node == node);
    let own = own.ok_or_else(|| wrong("ports"))?.address.clone();
    let mut options = HostOptions::offline(&dir.join(node.to_string()), Vec::new());
    options.offline = false;
    options.queue_bytes_max = 64 << 20;
    options.checkpoint_ms_min = 25;
    options.coordinator = node;
    options.cosigner.name = name(node);
    options.cosigner.seed = seed(node);
    options.partitions = (0..groups)
        .map(|number| PartitionOptions {
            origin: format!("{scope}/bench/{number}"),
            sha256: false,
            window: DedupWindow {
                millis: 86_400_000,
                records: 1 << 16,
            },
            policy: Policy::default(),
            durability: Durability::Sync,
        })
        .collect();
    options.cluster = Some(ClusterOptions {
        id: [9; 32],
        node,
        transport_seed: *key(node).as_bytes(),
        listen: own.parse().map_err(|_| wrong("ports"))?,
        members,
        founders: Vec::new(),
        faults: 0,
        cosigners: 2,
        seed: u64::from(node) + u64::from(std::process::id()),
    });
    Ok(Host::open(
        World::real(std::sync::Arc::new(RealFiles)),
        &options,
    )?)
}

fn ask<T: Send + 'static>(asking: impl FnOnce(Reply<T>)) -> Result<T, BenchError> {
    let (send, answer) = mpsc::channel();
    asking(Reply::new(move |result| {
        let _ = send.send(result); // nobody waits any more
    }));
    let answer = answer.recv();
    Ok(answer.map_err(|_| BenchError::WrongAnswer("a member gave no answer".to_owned()))??)
}

fn status(host: &Host) -> Result<ClusterStatus, BenchError> {
    ask(|reply| host.cluster_status(reply))
}

/// Has the first member lead every partition.
fn lead_all(hosts: &[Host; 2], groups: usize) -> Result<(), BenchError> {
    let began = Instant::now();
    loop {
        let mut led = 0;
        for host in hosts {
            for one in status(host)?.partitions {
                match one.role {
                    PartitionRole::Leader => {
                        // Refused while one is on its way: asked for again.
                        let partition = one.partition as usize;
                        let _ = ask(|reply| host.transfer(partition, LEADER, reply));
                    }
                    PartitionRole::Follower {
                        leader: Some(LEADER),
                    } => led += 1,
                    PartitionRole::Follower { .. } => {}
                }
            }
        }
        if led == groups * hosts.len() {
            return Ok(());
        }
        if began.elapsed() > WAIT_MAX {
            return Err(BenchError::WrongAnswer(
                "one member does not come to lead all partitions".to_owned(),
            ));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// What quiet groups cost; two members are in this process.
fn rest(groups: usize) -> Result<(), BenchError> {
    std::thread::sleep(Duration::from_secs(3));
    let (before, began) = (cpu::process(), Instant::now());
    std::thread::sleep(Duration::from_secs(10));
    let share =
        cpu::process().saturating_sub(before).as_secs_f64() / began.elapsed().as_secs_f64() / 2.0;
    let name = format!("{groups} quiet groups, processor of a member");
    Figure::new(name, share * 100.0, "%").print()?;
    Ok(())
}

/// For each partition how long nobody was known to lead it.
fn until_led(
    hosts: &[Host; 2],
    groups: usize,
    killed: Instant,
) -> Result<Vec<Duration>, BenchError> {
    let mut gaps = vec![None; groups];
    while gaps.contains(&None) {
        for host in hosts {
            for one in status(host)?.partitions {
                let gap = &mut gaps[one.partition as usize];
                if one.role == PartitionRole::Leader && gap.is_none() {
                    *gap = Some(killed.elapsed());
                }
            }
        }
        if killed.elapsed() > WAIT_MAX {
            return Err(BenchError::WrongAnswer(
                "a partition stays without a leader".to_owned(),
            ));
        }
        std::thread::sleep(LOOK);
    }
    Ok(gaps.into_iter().flatten().collect())
}
