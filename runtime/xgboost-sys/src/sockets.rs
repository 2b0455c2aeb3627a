//! Where the library's sockets live: at one address, and not at every one of the machine.
//!
//! XGBoost 3.2's workers bind what they listen on to `INADDR_ANY` (`TCPSocket::BindHost`), connect
//! from wherever the kernel likes, and find their own error port at 127.0.0.1; there is no setting
//! for any of it. So the library's own entries for `bind` and `connect` (the slots of its procedure
//! linkage table, which the dynamic linker fills and nobody else uses) are made to lead here. The
//! rest of the process keeps libc's.
//!
//! `recv` leads here too: the library takes one that was interrupted for a peer that is gone, and
//! stopping and continuing a process interrupts one that has a time limit.
//!
//! Where a slot is not found the answer is an error: a job must fail rather than listen to the
//! network.

use std::{
    ffi::{CStr, c_char, c_int, c_void},
    io,
    mem::size_of,
    net::Ipv4Addr,
    ptr, slice,
    sync::atomic::{AtomicU32, AtomicUsize, Ordering},
};

use libc::{sockaddr, sockaddr_in, socklen_t};

use crate::Error;

/// The process's address, in the order of the network's bytes.
static HOME: AtomicU32 = AtomicU32::new(0);

/// `bind` and `connect`.
type Call = unsafe extern "C" fn(c_int, *const sockaddr, socklen_t) -> c_int;
/// `recv`.
type Receive = unsafe extern "C" fn(c_int, *mut c_void, usize, c_int) -> isize;

/// Makes the library that holds the code at `inside` bind to, and connect from, `home` alone.
pub fn keep_at(inside: usize, home: Ipv4Addr) -> Result<(), Error> {
    HOME.store(u32::from_ne_bytes(home.octets()), Ordering::Relaxed);
    let object = Object::around(inside).ok_or(Error::Sockets("it is not among what is loaded"))?;
    let ours = [
        (c"bind", bind as Call as usize),
        (c"connect", connect as Call as usize),
        (c"recv", recv as Receive as usize),
    ];
    for (name, ours) in ours {
        let slot = object.slot(name).ok_or(Error::Sockets("its calls are not found"))?;
        // SAFETY: the slot is a word of the library's writable data, as `slot` has checked; other
        // threads only read it, to jump to one function or the other.
        unsafe { AtomicUsize::from_ptr(slot) }.store(ours, Ordering::Relaxed);
    }
    Ok(())
}

/// In the place of libc's: an address that means "every one" means our own.
unsafe extern "C" fn bind(socket: c_int, address: *const sockaddr, length: socklen_t) -> c_int {
    // SAFETY: the caller's promise to libc's `bind` is passed on.
    let Some(mut own) = (unsafe { as_v4(address, length) }) else {
        return refuse(libc::EAFNOSUPPORT);
    };
    if own.sin_addr.s_addr == libc::INADDR_ANY {
        own.sin_addr.s_addr = HOME.load(Ordering::Relaxed);
    }
    // SAFETY: `own` is a live address of that size.
    unsafe { libc::bind(socket, ptr::from_ref(&own).cast(), V4) }
}

/// In the place of libc's: a connection comes from our own address, and one to this machine's
/// first loopback address, where the library believes itself to be, goes to our own.
unsafe extern "C" fn connect(socket: c_int, address: *const sockaddr, length: socklen_t) -> c_int {
    // SAFETY: the caller's promise to libc's `connect` is passed on.
    let Some(mut peer) = (unsafe { as_v4(address, length) }) else {
        return refuse(libc::EAFNOSUPPORT);
    };
    let home = HOME.load(Ordering::Relaxed);
    if peer.sin_addr.s_addr == libc::INADDR_LOOPBACK.to_be() {
        peer.sin_addr.s_addr = home;
    }
    let mut own = peer;
    own.sin_addr.s_addr = home;
    own.sin_port = 0;
    // SAFETY: both are live addresses of that size. A socket that is tried again is bound already,
    // which the kernel refuses and which changes nothing.
    unsafe {
        libc::bind(socket, ptr::from_ref(&own).cast(), V4);
        libc::connect(socket, ptr::from_ref(&peer).cast(), V4)
    }
}

/// In the place of libc's: one that was interrupted is begun again.
unsafe extern "C" fn recv(
    socket: c_int,
    buffer: *mut c_void,
    length: usize,
    flags: c_int,
) -> isize {
    loop {
        // SAFETY: the caller's promise to libc's `recv` is passed on.
        let received = unsafe { libc::recv(socket, buffer, length, flags) };
        let interrupted = || io::Error::last_os_error().kind() == io::ErrorKind::Interrupted;
        if received >= 0 || !interrupted() {
            return received;
        }
    }
}

/// The size of an IPv4 address, bytes.
#[expect(clippy::cast_possible_truncation, reason = "16 bytes")]
const V4: socklen_t = size_of::<sockaddr_in>() as socklen_t;

/// A copy of the address, if it is one of IPv4; the library is given no other.
///
/// # Safety
/// `address` points to `length` bytes.
unsafe fn as_v4(address: *const sockaddr, length: socklen_t) -> Option<sockaddr_in> {
    if address.is_null() || length < V4 {
        return None;
    }
    // SAFETY: there are that many bytes, however they are aligned; every pattern is an address.
    let copy = unsafe { address.cast::<sockaddr_in>().read_unaligned() };
    (c_int::from(copy.sin_family) == libc::AF_INET).then_some(copy)
}

fn refuse(error: c_int) -> c_int {
    // SAFETY: this thread's own error number.
    unsafe { *libc::__errno_location() = error };
    -1
}

/// A loaded shared object: what the dynamic linker knows of it.
struct Object {
    base: usize,
    dynamic: *const Entry,
    writable: Vec<(usize, usize)>,
}

/// An entry of the dynamic section (`Elf64_Dyn`).
#[repr(C)]
#[derive(Clone, Copy)]
struct Entry {
    tag: i64,
    value: u64,
}

/// A relocation of the procedure linkage table (`Elf64_Rela`).
#[repr(C)]
struct Relocation {
    offset: u64,
    info: u64,
    addend: i64,
}

/// Tags of the dynamic section (the generic ABI's numbers).
const END: i64 = 0;
const PLT_RELOCATIONS_BYTES: i64 = 2;
const STRINGS: i64 = 5;
const SYMBOLS: i64 = 6;
const PLT_RELOCATIONS: i64 = 23;

impl Object {
    /// The object whose code `inside` is.
    fn around(inside: usize) -> Option<Self> {
        let mut search = Search { inside, found: None };
        // SAFETY: `look` is called before this returns, with our own search.
        unsafe { libc::dl_iterate_phdr(Some(look), ptr::from_mut(&mut search).cast()) };
        search.found
    }

    /// The word that holds where a function of this name is.
    fn slot(&self, name: &CStr) -> Option<*mut usize> {
        let symbols = self.table(SYMBOLS)? as *const libc::Elf64_Sym;
        let strings = self.table(STRINGS)? as *const c_char;
        let relocations = self.table(PLT_RELOCATIONS)? as *const Relocation;
        let bytes = usize::try_from(self.value(PLT_RELOCATIONS_BYTES)?).ok()?;
        // SAFETY: the dynamic linker reads these same tables by these same rules; the object is
        // loaded for as long as its functions are held.
        let relocations =
            unsafe { slice::from_raw_parts(relocations, bytes / size_of::<Relocation>()) };
        let named = |relocation: &&Relocation| {
            let symbol = usize::try_from(relocation.info >> 32).unwrap_or(0);
            // SAFETY: as above; a name ends in a NUL.
            let found = unsafe {
                let symbol = &*symbols.add(symbol);
                CStr::from_ptr(strings.add(symbol.st_name as usize))
            };
            found == name
        };
        let relocation = relocations.iter().find(named)?;
        let slot = self.base.checked_add(usize::try_from(relocation.offset).ok()?)?;
        let is_ours = |&(from, to): &(usize, usize)| (from..to).contains(&slot);
        self.writable.iter().any(is_ours).then_some(slot as *mut usize)
    }

    /// Where a table lies. glibc keeps addresses there, others the distance from the base.
    fn table(&self, tag: i64) -> Option<usize> {
        let value = usize::try_from(self.value(tag)?).ok()?;
        if value < self.base { self.base.checked_add(value) } else { Some(value) }
    }

    fn value(&self, tag: i64) -> Option<u64> {
        let mut entry = self.dynamic;
        loop {
            // SAFETY: the dynamic section ends with an entry of the tag `END`.
            let Entry { tag: found, value } = unsafe { *entry };
            if found == tag {
                return Some(value);
            }
            if found == END {
                return None;
            }
            // SAFETY: that was not the last one.
            entry = unsafe { entry.add(1) };
        }
    }
}

struct Search {
    inside: usize,
    found: Option<Object>,
}

/// Takes the object if it is the one; ends the search then.
unsafe extern "C" fn look(
    info: *mut libc::dl_phdr_info,
    _size: usize,
    search: *mut c_void,
) -> c_int {
    // SAFETY: the linker hands over a live description, and what `around` gave it.
    let (info, search) = unsafe { (&*info, &mut *search.cast::<Search>()) };
    // SAFETY: so many headers stand there.
    let headers = unsafe { slice::from_raw_parts(info.dlpi_phdr, info.dlpi_phnum.into()) };
    let at = |offset: u64| usize::try_from(info.dlpi_addr.wrapping_add(offset)).unwrap_or(0);
    let range =
        |header: &libc::Elf64_Phdr| (at(header.p_vaddr), at(header.p_vaddr + header.p_memsz));
    let of = |kind: u32| headers.iter().filter(move |header| header.p_type == kind);
    let holds = |(from, to): (usize, usize)| (from..to).contains(&search.inside);
    if !of(libc::PT_LOAD).map(range).any(holds) {
        return 0;
    }
    let sealed = of(libc::PT_GNU_RELRO).map(range).next();
    let writable = of(libc::PT_LOAD)
        .filter(|header| header.p_flags & libc::PF_W != 0)
        .map(range)
        .map(|(from, to)| match sealed {
            // What the linker has closed after loading stands at the segment's beginning.
            Some((begin, end)) if begin == from => (end, to),
            _ => (from, to),
        });
    let (base, writable) = (at(0), writable.collect());
    search.found = of(libc::PT_DYNAMIC).next().map(|header| Object {
        base,
        dynamic: at(header.p_vaddr) as *const Entry,
        writable,
    });
    1
}
