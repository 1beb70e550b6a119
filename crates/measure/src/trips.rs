//! Count the round trips to the database. A proxy counts each time that the client sends after the
//! server has answered.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;

/// The counts so far.
#[derive(Debug, Default)]
pub(crate) struct Trips {
    pub(crate) connections: AtomicU32,
    /// Round trips of all connections.
    pub(crate) trips: AtomicU32,
}

/// Listen on loopback until this process ends, and return the port.
pub(crate) fn count_before(port: u16) -> io::Result<(u16, Arc<Trips>)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let own = listener.local_addr()?.port();
    let trips = Arc::new(Trips::default());
    let counted = Arc::clone(&trips);
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) else { continue };
            counted.connections.fetch_add(1, Ordering::Relaxed);
            let _ = pass(client, server, &counted);
        }
    });
    Ok((own, trips))
}

fn pass(client: TcpStream, server: TcpStream, trips: &Arc<Trips>) -> io::Result<()> {
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (from_server, to_client) = (server.try_clone()?, client.try_clone()?);
    // Nothing was sent yet, so the client's first message starts a round trip.
    let (answered, trips) = (Arc::new(AtomicBool::new(true)), Arc::clone(trips));
    let seen = Arc::clone(&answered);
    thread::spawn(move || {
        copy(client, server, || {
            // Several pieces in a row are one round trip.
            if answered.swap(false, Ordering::SeqCst) {
                trips.trips.fetch_add(1, Ordering::Relaxed);
            }
        });
    });
    thread::spawn(move || copy(from_server, to_client, || seen.store(true, Ordering::SeqCst)));
    Ok(())
}

fn copy(mut from: TcpStream, mut to: TcpStream, passing: impl Fn()) {
    let mut piece = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = from.read(&mut piece) {
        passing();
        if to.write_all(&piece[..length]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}
