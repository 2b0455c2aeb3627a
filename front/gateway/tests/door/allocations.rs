//! How often the heap is asked for memory by one `InvokeEndpoint` on a kept-alive connection.
//!
//! Counted are the server's threads alone: this test gives it one of its own. The scorer is a fake
//! and nobody listens to the log, so that it is the gateway and its HTTP stack that are counted.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    sync::{
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    thread,
};

use tokio::sync::oneshot;

use crate::{client::Ask, server::Server};

/// Of one request, those of the HTTP stack and of the fakes among them; 21 when this was written.
/// What raises it belongs into a buffer that is used again, or is worth writing down here.
const MOST: u64 = 22;

/// Requests before counting: buffers have grown and keys are derived.
const WARM_UP: u64 = 100;
const COUNTED: u64 = 100;

struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

thread_local! {
    static IS_COUNTED: Cell<bool> = const { Cell::new(false) };
}

fn count() {
    if IS_COUNTED.get() {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
    }
}

#[expect(unsafe_code, reason = "an allocator is unsafe; this one hands everything to the system's")]
// SAFETY: every call goes to the system's allocator as it came; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: the caller's promises are passed on.
        unsafe { System.realloc(at, layout, size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// A server on a thread whose allocations are counted; it ends when the sender is dropped.
fn counted_server() -> (SocketAddr, oneshot::Sender<()>) {
    let (tell, told) = mpsc::channel();
    let (stop, stopped) = oneshot::channel::<()>();
    thread::spawn(move || {
        IS_COUNTED.set(true);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let server = Server::start().await;
            server.route("churn", &["AllTraffic"]);
            tell.send(server.address).unwrap();
            drop(stopped.await);
        });
    });
    (told.recv().unwrap(), stop)
}

#[test]
fn an_invocation_asks_for_memory_no_more_often_than_it_must() {
    let row = "0.25,1.5";
    let head = Ask::invoke("churn", "text/csv", row).head().replace("connection: close\r\n", "");
    let (address, _stop) = counted_server();
    let mut stream = TcpStream::connect(address).unwrap();
    let mut ask = || {
        stream.write_all(format!("{head}{row}").as_bytes()).unwrap();
        let (mut bytes, mut answer) = ([0; 1024], String::new());
        while !answer.ends_with("\r\n\r\n8") {
            let read = stream.read(&mut bytes).unwrap();
            assert!(read > 0, "{answer}");
            answer += std::str::from_utf8(&bytes[..read]).unwrap();
        }
        assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    };
    (0..WARM_UP).for_each(|_| ask());
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    (0..COUNTED).for_each(|_| ask());
    let counted = ALLOCATIONS.load(Ordering::Relaxed) - before;
    assert!(counted <= MOST * COUNTED, "{counted} allocations in {COUNTED} requests");
}
