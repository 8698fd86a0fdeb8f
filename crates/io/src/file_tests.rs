use super::*;

fn scratch(name: &str) -> CString {
    let path = std::env::temp_dir().join(format!("oxbeam-file-{name}-{}", std::process::id()));
    CString::new(path.to_str().unwrap()).unwrap()
}

const READ_WRITE: Modes = Modes {
    read: true,
    write: true,
    exclusive: false,
    append: false,
    sync: false,
    skip_type_check: false,
    directory: false,
};

#[test]
fn bytes_come_back_where_they_were_put() {
    let path = scratch("bytes");
    let file = File::open(&path, READ_WRITE).unwrap();
    file.write(&[b"hello ", b"", b"world"]).unwrap();
    file.write_at(&[b"J", b"E"], 0).unwrap();
    assert_eq!(file.seek(From::Start, 1).unwrap(), 1);
    let mut buffer = [0; 100];
    assert_eq!(file.read(&mut buffer).unwrap(), 10);
    assert_eq!(&buffer[..10], b"Ello world");
    assert_eq!(file.read(&mut buffer).unwrap(), 0);
    assert_eq!(file.read_at(&mut buffer[..2], 9).unwrap(), 2);
    assert_eq!(&buffer[..2], b"ld");
    file.seek(From::End, -5).unwrap();
    file.truncate().unwrap();
    file.seek(From::Start, 0).unwrap();
    assert_eq!(file.read_to_end().unwrap().bytes(), b"JEllo ");
    assert_eq!(file.info().unwrap().size, 6);
    assert_eq!(file.read_block(3, Some(4)).unwrap().bytes(), b"o ");
    assert_eq!(file.read_block(1 << 60, None).map(|_| ()), Err(Errno(libc::ENOMEM)));
    assert_eq!(file.seek(From::Start, -1), Err(Errno(libc::EINVAL)));
    file.close().unwrap();
    delete_file(&path).unwrap();
}

#[test]
fn more_parts_than_the_system_takes_at_once() {
    let path = scratch("parts");
    let file = File::open(&path, READ_WRITE).unwrap();
    let parts: Vec<&[u8]> = (0..5000).map(|_| &b"ab"[..]).collect();
    file.write(&parts).unwrap();
    file.seek(From::Start, 0).unwrap();
    assert_eq!(file.read_to_end().unwrap().bytes(), b"ab".repeat(5000));
    delete_file(&path).unwrap();
}

#[test]
fn directories_are_not_files() {
    let path = scratch("directory");
    make_directory(&path).unwrap();
    let open = |modes: Modes| File::open(&path, modes).map(|_| ());
    let reading = Modes { read: true, ..Modes::default() };
    assert_eq!(open(reading), Err(Errno(libc::EISDIR)));
    assert_eq!(open(Modes { directory: true, ..reading }), Ok(()));
    assert_eq!(delete_file(&path), Err(Errno(libc::EPERM)));
    assert_eq!(make_directory(&path), Err(Errno(libc::EEXIST)));
    let inside = CString::new([path.to_bytes(), b"/f"].concat()).unwrap();
    soft_link(c"nowhere", &inside).unwrap();
    assert_eq!(read_link(&inside).unwrap(), b"nowhere");
    assert_eq!(read_info(&inside, false).unwrap().kind, FileKind::SymbolicLink);
    assert_eq!(read_info(&inside, true), Err(Errno(libc::ENOENT)));
    assert_eq!(list_directory(&path).unwrap(), [b"f"]);
    assert_eq!(delete_directory(&path), Err(Errno(libc::EEXIST)));
    delete_file(&inside).unwrap();
    delete_directory(&path).unwrap();
    assert_eq!(list_directory(&path), Err(Errno(libc::ENOENT)));
}

#[test]
fn modes_complete_each_other() {
    let modes = Modes { append: true, ..Modes::default() }.completed();
    assert!(modes.write && !modes.read);
    assert!(Modes::default().completed().read);
    let path = scratch("exclusive");
    let exclusive = Modes { exclusive: true, ..Modes::default() }.completed();
    File::open(&path, exclusive).unwrap().close().unwrap();
    assert_eq!(File::open(&path, exclusive).map(|_| ()), Err(Errno(libc::EEXIST)));
    set_permissions(&path, 0o400).unwrap();
    set_times(&path, 1000, 2000).unwrap();
    let info = read_info(&path, true).unwrap();
    assert_eq!((info.mode & 0o777, info.accessed_s, info.modified_s), (0o400, 1000, 2000));
    delete_file(&path).unwrap();
}

#[test]
fn paths_end_in_zero_bytes() {
    assert_eq!(c_path(b"abc\0\0").unwrap().as_c_str(), c"abc");
    assert_eq!(c_path(b"abc"), Err(Errno(libc::EINVAL)));
    assert_eq!(c_path(b"a\0c\0"), Err(Errno(libc::EINVAL)));
}

#[test]
fn a_descriptor_that_is_not_open_is_refused() {
    assert_eq!(File::from_descriptor(9999).map(|_| ()), Err(Errno(libc::EBADF)));
}
