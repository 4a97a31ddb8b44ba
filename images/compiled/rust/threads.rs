// std threads, channels, locks, panics that are caught and panics that end a thread.
use std::collections::HashMap;
use std::panic;
use std::sync::{mpsc, Arc, Barrier, Condvar, Mutex, RwLock};
use std::thread;
use std::time::{Duration, Instant};

fn main() {
    let (sender, receiver) = mpsc::channel();
    let workers: Vec<_> = (0..16u64)
        .map(|n| {
            let sender = sender.clone();
            thread::spawn(move || (0..100).for_each(|i| sender.send(n * 100 + i).unwrap()))
        })
        .collect();
    drop(sender);
    println!("channel {}", receiver.iter().sum::<u64>());
    workers.into_iter().for_each(|w| w.join().unwrap());

    let table = Arc::new(RwLock::new(HashMap::new()));
    let barrier = Arc::new(Barrier::new(8));
    let workers: Vec<_> = (0..8)
        .map(|n| {
            let (table, barrier) = (table.clone(), barrier.clone());
            thread::spawn(move || {
                barrier.wait();
                for i in 0..100 {
                    *table.write().unwrap().entry(i % 10).or_insert(0u32) += n;
                }
            })
        })
        .collect();
    workers.into_iter().for_each(|w| w.join().unwrap());
    println!("table {}", table.read().unwrap().values().sum::<u32>());

    let pair = Arc::new((Mutex::new(false), Condvar::new()));
    let other = pair.clone();
    let start = Instant::now();
    let waker = thread::spawn(move || {
        thread::sleep(Duration::from_millis(5));
        *other.0.lock().unwrap() = true;
        other.1.notify_one();
    });
    let mut ready = pair.0.lock().unwrap();
    while !*ready {
        ready = pair.1.wait(ready).unwrap();
    }
    println!("woken {}", start.elapsed() >= Duration::from_millis(5));
    waker.join().unwrap();

    panic::set_hook(Box::new(|_| {}));
    let caught = panic::catch_unwind(|| {
        let numbers = vec![1, 2, 3];
        numbers[std::env::args().count() + 10]
    });
    println!("caught {}", caught.is_err());
    let ended = thread::spawn(|| panic!("a thread's end")).join().unwrap_err();
    println!("joined {}", ended.downcast_ref::<&str>().unwrap());

    let output = std::process::Command::new("/bin/echo").arg("from a child").output().unwrap();
    print!("child {}", String::from_utf8_lossy(&output.stdout));
}
