//! The specific operations: what the engine executes.
//!
//! One table, [`for_each_specific_op!`]. A row is a *template*: the family (a
//! module of the interpreter), its name, its fixed operands, and the variants
//! it comes in, one for each combination of operand modes that is worth a body
//! of its own; the last variant takes all that the others do not. An
//! instruction in memory is one word for the operation, one for each mode
//! operand, one for each fixed operand, in that order.
//!
//! Modes: `X` byte offset of an X register; `Y` byte offset of a Y register
//! from the stack top; `C` a constant term; `S` any source, `D` any destination,
//! both in the encoding of [`source`].
//! Fixed operands: `F` address of an instruction (0: none); `U` a plain word;
//! `T` a constant term; `E` an export entry; `B` a native function's row; `L` a
//! fun entry; `N` a count, followed by that many `S` words; `W` a count,
//! followed by that many plain words.
//!
//! Notation in the comments: `a <- b` assignment, `Y(n)` stack slots, `cp` the
//! return address on top of the stack, `fail` the `F` operand.

/// Encodings of the `S` and `D` modes. A constant term is never tagged `00`, so
/// those two bits tell registers from constants.
pub mod source {
    /// Set in the word of a Y register.
    pub const Y: u64 = 4;

    /// The word of X register `n`.
    pub const fn x(n: u16) -> u64 {
        (n as u64) << 5
    }

    /// The word of Y register `n`.
    pub const fn y(n: u16) -> u64 {
        (n as u64) << 5 | Y
    }

    /// Whether `word` is a constant term.
    pub const fn is_constant(word: u64) -> bool {
        word & 3 != 0
    }

    /// Byte offset of the register from the first one of its kind.
    pub const fn offset(word: u64) -> usize {
        (word >> 2 & !7) as usize
    }
}

/// A mode operand: how a word is read or written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// X register.
    X,
    /// Y register.
    Y,
    /// Constant term.
    C,
    /// Any source.
    S,
    /// Any destination.
    D,
}

/// A fixed operand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Instruction address.
    F,
    /// Plain word.
    U,
    /// Constant term.
    T,
    /// Export entry.
    E,
    /// Native function.
    B,
    /// Fun entry.
    L,
    /// Count of `S` words.
    N,
    /// Count of plain words.
    W,
}

/// Calls `$m!` with one row
/// `family template (kinds) { variant <modes>, ... } "meaning";` for each template.
#[macro_export]
#[rustfmt::skip]
macro_rules! for_each_specific_op {
    ($m:ident) => {
        $m! {
            // ---- data: moves, lists, tuples
            data mov () { mov_x_x <X, X>, mov_y_x <Y, X>, mov_x_y <X, Y>, mov_c_x <C, X>, mov_c_y <C, Y>, mov_s_d <S, D>, } "dst <- src";
            data mov2 () { mov2_x_x_x_x <X, X, X, X>, mov2_y_x_y_x <Y, X, Y, X>, mov2_x_y_x_y <X, Y, X, Y>, mov2_x_x_x_y <X, X, X, Y>, mov2_x_y_x_x <X, Y, X, X>, mov2_y_x_x_x <Y, X, X, X>, mov2_x_x_y_x <X, X, Y, X>, mov2_x_y_y_x <X, Y, Y, X>, mov2_y_x_x_y <Y, X, X, Y>, mov2_s_d_s_d <S, D, S, D>, } "dst1 <- src1; dst2 <- src2";
            data swap () { swap_x_x <X, X>, swap_d_d <D, D>, } "a <-> b";
            data init_y () { init_y_y <Y>, } "Y <- nil";
            data init_ys (N) { init_ys <>, } "each Y <- nil";
            data put_list () { put_list_x_x_x <X, X, X>, put_list_y_x_x <Y, X, X>, put_list_x_y_x <X, Y, X>, put_list_c_x_x <C, X, X>, put_list_x_c_x <X, C, X>, put_list_s_s_d <S, S, D>, } "dst <- [src1 | src2]";
            data get_list () { get_list_x_x_x <X, X, X>, get_list_y_x_x <Y, X, X>, get_list_x_y_x <X, Y, X>, get_list_x_x_y <X, X, Y>, get_list_s_d_d <S, D, D>, } "checked: dst1 <- hd src; dst2 <- tl src";
            data get_hd () { get_hd_x_x <X, X>, get_hd_s_d <S, D>, } "checked: dst <- hd src";
            data get_tl () { get_tl_x_x <X, X>, get_tl_s_d <S, D>, } "checked: dst <- tl src";
            data get_tuple_element (U) { get_tuple_element_x_x <X, X>, get_tuple_element_y_x <Y, X>, get_tuple_element_x_y <X, Y>, get_tuple_element_s_d <S, D>, } "checked: dst <- word at byte offset U of src";
            data get_element (U) { get_element_x_x <X, X>, get_element_y_x <Y, X>, get_element_x_y <X, Y>, get_element_s_d <S, D>, } "proved: dst <- word at byte offset U of src";
            data set_tuple_element (U) { set_tuple_element_s_s <S, S>, } "checked: word at byte offset U of src2 <- src1";
            data put_tuple2 (N) { put_tuple2_x <X>, put_tuple2_d <D>, } "dst <- {S, ...}";

            // ---- select: type tests, branches
            select jump (F) { jump <>, } "goto F";
            select is_nil (F) { is_nil_x <X>, is_nil_s <S>, } "goto fail unless src = []";
            select is_list (F) { is_list_x <X>, is_list_s <S>, } "goto fail unless src is a cons cell or nil";
            select is_nonempty_list (F) { is_nonempty_list_x <X>, is_nonempty_list_y <Y>, is_nonempty_list_s <S>, } "goto fail unless src is a cons cell";
            select is_nonempty_list_get_list (F) { is_nonempty_list_get_list_x_x_x <X, X, X>, is_nonempty_list_get_list_x_y_x <X, Y, X>, is_nonempty_list_get_list_x_x_y <X, X, Y>, is_nonempty_list_get_list_s_d_d <S, D, D>, } "goto fail unless src is a cons cell; dst1 <- hd src; dst2 <- tl src";
            select is_tuple (F) { is_tuple_x <X>, is_tuple_s <S>, } "goto fail unless src is a tuple";
            select test_arity (F U) { test_arity_x <X>, test_arity_s <S>, } "checked: goto fail unless the header of src is U";
            select is_tuple_of_arity (F U) { is_tuple_of_arity_x <X>, is_tuple_of_arity_y <Y>, is_tuple_of_arity_s <S>, } "goto fail unless src is boxed with header U";
            select is_tagged_tuple (F U T) { is_tagged_tuple_x <X>, is_tagged_tuple_y <Y>, is_tagged_tuple_s <S>, } "goto fail unless src is boxed with header U and first element T";
            select is_atom (F) { is_atom_x <X>, is_atom_s <S>, } "goto fail unless src is an atom";
            select is_boolean (F) { is_boolean_s <S>, } "goto fail unless src is true or false";
            select is_integer (F) { is_integer_x <X>, is_integer_s <S>, } "goto fail unless src is an integer";
            select is_float (F) { is_float_s <S>, } "goto fail unless src is a float";
            select is_number (F) { is_number_s <S>, } "goto fail unless src is a number";
            select is_pid (F) { is_pid_s <S>, } "goto fail unless src is a pid";
            select is_port (F) { is_port_s <S>, } "goto fail unless src is a port";
            select is_reference (F) { is_reference_s <S>, } "goto fail unless src is a reference";
            select is_binary (F) { is_binary_x <X>, is_binary_s <S>, } "goto fail unless src is a binary";
            select is_bitstr (F) { is_bitstr_s <S>, } "goto fail unless src is a bitstring";
            select is_map (F) { is_map_x <X>, is_map_s <S>, } "goto fail unless src is a map";
            select is_function (F) { is_function_s <S>, } "goto fail unless src is a fun";
            select is_function2 (F) { is_function2_s_s <S, S>, } "goto fail unless src1 is a fun of arity src2";
            select is_eq_imm (F) { is_eq_imm_x_c <X, C>, is_eq_imm_y_c <Y, C>, is_eq_imm_s_s <S, S>, } "goto fail unless the words are equal (one side is immediate)";
            select is_ne_imm (F) { is_ne_imm_x_c <X, C>, is_ne_imm_s_s <S, S>, } "goto fail if the words are equal (one side is immediate)";
            select select_val (F W) { select_val_x <X>, select_val_s <S>, } "binary search of src in the sorted (word, address) pairs; else goto F";
            select select_dense (F U W) { select_dense_x <X>, select_dense_s <S>, } "goto the address at src - U, src a small; else goto F";
            select select_any (F W) { select_any_s <S>, } "linear search by =:= in the (term, address) pairs; else goto F";
            select select_arity (F W) { select_arity_x <X>, select_arity_s <S>, } "linear search of src's header in the (header, address) pairs; else goto F";

            // ---- compare: as a branch, as a value
            compare is_eq_exact (F) { is_eq_exact_x_x <X, X>, is_eq_exact_s_s <S, S>, } "goto fail unless src1 =:= src2";
            compare is_ne_exact (F) { is_ne_exact_s_s <S, S>, } "goto fail if src1 =:= src2";
            compare is_eq (F) { is_eq_s_s <S, S>, } "goto fail unless src1 == src2";
            compare is_ne (F) { is_ne_s_s <S, S>, } "goto fail if src1 == src2";
            compare is_lt (F) { is_lt_x_x <X, X>, is_lt_x_c <X, C>, is_lt_c_x <C, X>, is_lt_s_s <S, S>, } "goto fail unless src1 < src2";
            compare is_ge (F) { is_ge_x_x <X, X>, is_ge_x_c <X, C>, is_ge_c_x <C, X>, is_ge_s_s <S, S>, } "goto fail unless src1 >= src2";
            compare eq_exact () { eq_exact_x_c_x <X, C, X>, eq_exact_s_s_d <S, S, D>, } "dst <- src1 =:= src2";
            compare ne_exact () { ne_exact_x_c_x <X, C, X>, ne_exact_s_s_d <S, S, D>, } "dst <- src1 =/= src2";
            compare eq_ () { eq_x_c_x <X, C, X>, eq_s_s_d <S, S, D>, } "dst <- src1 == src2";
            compare ne_ () { ne_x_c_x <X, C, X>, ne_s_s_d <S, S, D>, } "dst <- src1 /= src2";
            compare lt () { lt_x_c_x <X, C, X>, lt_s_s_d <S, S, D>, } "dst <- src1 < src2";
            compare ge () { ge_x_c_x <X, C, X>, ge_s_s_d <S, S, D>, } "dst <- src1 >= src2";

            // ---- call: frames, calls and returns
            call func_info (T T U) { func_info <>, } "raise function_clause for T:T/U, arguments in X";
            call allocate (U U) { allocate <>, } "live; room for U words of frame, all nil";
            call allocate_heap (U U U) { allocate_heap <>, } "as allocate, with U words of heap";
            call test_heap (U U) { test_heap <>, } "words, live: collect unless there is room";
            call deallocate (U) { deallocate <>, } "drop U bytes of frame";
            call trim (U) { trim <>, } "drop U bytes of frame";
            call ret () { ret <>, } "goto pop cp";
            call deallocate_ret (U) { deallocate_ret <>, } "drop U bytes of frame; goto pop cp";
            call call (F) { call <>, } "push cp; goto F";
            call call_only (F) { call_only <>, } "goto F";
            call call_last (F U) { call_last <>, } "drop U bytes of frame; goto F";
            call mov_call (F) { mov_call_y_x <Y, X>, mov_call_c_x <C, X>, mov_call_x_x <X, X>, mov_call_s_d <S, D>, } "dst <- src; push cp; goto F";
            call mov_call_only (F) { mov_call_only_c_x <C, X>, mov_call_only_x_x <X, X>, mov_call_only_s_d <S, D>, } "dst <- src; goto F";
            call mov_call_last (F U) { mov_call_last_y_x <Y, X>, mov_call_last_s_d <S, D>, } "dst <- src; drop U bytes of frame; goto F";
            call mov_deallocate_ret (U) { mov_deallocate_ret_y_x <Y, X>, mov_deallocate_ret_c_x <C, X>, mov_deallocate_ret_s_d <S, D>, } "dst <- src; drop U bytes of frame; goto pop cp";
            call mov_ret () { mov_ret_c_x <C, X>, mov_ret_x_x <X, X>, mov_ret_s_d <S, D>, } "dst <- src; goto pop cp";
            call call_ext (E) { call_ext <>, } "push cp; goto E";
            call call_ext_only (E) { call_ext_only <>, } "goto E";
            call call_ext_last (E U) { call_ext_last <>, } "drop U bytes of frame; goto E";
            call call_native (E) { call_native <>, } "x0 <- native of E";
            call call_native_last (E U) { call_native_last <>, } "x0 <- native of E; drop U bytes of frame; goto pop cp";
            call apply (U) { apply <>, } "push cp; goto X(U):X(U+1)/U";
            call apply_last (U U) { apply_last <>, } "drop U bytes of frame; goto X(U):X(U+1)/U";
            call call_fun (U) { call_fun_s <S>, } "push cp; call fun src with U arguments";
            call call_fun_last (U U) { call_fun_last_s <S>, } "drop U bytes of frame; call fun src with U arguments";
            call apply_list () { apply_list <>, } "push cp; goto X0:X1 with the arguments in list X2";
            call apply_list_last (U) { apply_list_last <>, } "drop U bytes of frame; goto X0:X1 with the arguments in list X2";
            call apply_fun () { apply_fun <>, } "push cp; call fun X0 with the arguments in list X1";
            call apply_fun_last (U) { apply_fun_last <>, } "drop U bytes of frame; call fun X0 with the arguments in list X1";
            call tick () { tick <>, } "count a reduction, or end the turn";
            call yield_ () { yield_ <>, } "X0 <- true; end the turn";
            call nif_start () { nif_start <>, } "nothing";

            // ---- stub: what an export or a process starts at
            stub error_handler (E) { error_handler <>, } "call error_handler:undefined_function for E";
            stub call_bif (E) { call_bif <>, } "x0 <- native of E; goto pop cp";
            stub start () { start <>, } "goto the export that the process starts with";
            stub normal_exit () { normal_exit <>, } "the process ends normally";
            stub call_nif () { call_nif <>, } "x0 <- the function whose address is in the native entry word; goto pop cp";
            stub breakpoint () { breakpoint <>, } "a traced function is called; do the instruction replaced";
            stub export_breakpoint (E) { export_breakpoint <>, } "E is called and traced; goto its code";
            stub return_trace () { return_trace <>, } "tell of a return; drop 4 words; goto pop cp";
            stub return_to_trace () { return_to_trace <>, } "tell where a call returns to; goto pop cp";
            stub return_time_trace () { return_time_trace <>, } "a timed call returns; drop 1 word; goto pop cp";
            stub bad_code () { bad_code <>, } "raise an internal error";

            // ---- bif: calls of natives that return at once
            bif bif0 (E) { bif0_d <D>, } "dst <- native";
            bif bif1 (F E) { bif1_x_x <X, X>, bif1_s_d <S, D>, } "dst <- native(src); goto fail on error";
            bif bif2 (F E) { bif2_s_s_d <S, S, D>, } "dst <- native(src1, src2); goto fail on error";
            bif bif3 (F E) { bif3_s_s_s_d <S, S, S, D>, } "dst <- native(src1, src2, src3); goto fail on error";
            bif self_ () { self_x <X>, self_d <D>, } "dst <- own pid";
            bif hd (F E) { hd_x_x <X, X>, hd_s_d <S, D>, } "dst <- hd src";
            bif tl (F E) { tl_x_x <X, X>, tl_s_d <S, D>, } "dst <- tl src";
            bif element (F E) { element_c_x_x <C, X, X>, element_s_s_d <S, S, D>, } "dst <- element(src1, src2)";
            bif map_get (F E) { map_get_s_s_d <S, S, D>, } "dst <- value of key src1 in src2";
            bif tuple_size (F E) { tuple_size_s_d <S, D>, } "dst <- tuple_size(src)";

            // ---- arith
            arith add (F E) { add_x_c_x <X, C, X>, add_x_x_x <X, X, X>, add_s_s_d <S, S, D>, } "dst <- src1 + src2";
            arith sub (F E) { sub_x_c_x <X, C, X>, sub_x_x_x <X, X, X>, sub_s_s_d <S, S, D>, } "dst <- src1 - src2";
            arith mul (F E) { mul_x_x_x <X, X, X>, mul_s_s_d <S, S, D>, } "dst <- src1 * src2";
            arith int_div (F E) { int_div_s_s_d <S, S, D>, } "dst <- src1 div src2";
            arith int_rem (F E) { int_rem_x_c_x <X, C, X>, int_rem_s_s_d <S, S, D>, } "dst <- src1 rem src2";
            arith band (F E) { band_x_c_x <X, C, X>, band_s_s_d <S, S, D>, } "dst <- src1 band src2";
            arith bor (F E) { bor_s_s_d <S, S, D>, } "dst <- src1 bor src2";
            arith bxor (F E) { bxor_s_s_d <S, S, D>, } "dst <- src1 bxor src2";
            arith bsl (F E) { bsl_s_s_d <S, S, D>, } "dst <- src1 bsl src2";
            arith bsr (F E) { bsr_x_c_x <X, C, X>, bsr_s_s_d <S, S, D>, } "dst <- src1 bsr src2";

            // ---- catches: catch, try, raising
            catches catch_ (U) { catch_y <Y>, } "Y <- catch mark U";
            catches catch_end () { catch_end_y <Y>, } "Y <- nil; make the value of a catch from an exception in X";
            catches try_end () { try_end_y <Y>, } "Y <- nil";
            catches try_case () { try_case_y <Y>, } "Y <- nil; X0, X1, X2 <- class, reason, trace";
            catches try_case_end () { try_case_end_s <S>, } "raise {try_clause, src}";
            catches badmatch () { badmatch_s <S>, } "raise {badmatch, src}";
            catches case_end () { case_end_s <S>, } "raise {case_clause, src}";
            catches badrecord () { badrecord_s <S>, } "raise {badrecord, src}";
            catches if_end () { if_end <>, } "raise if_clause";
            catches raise () { raise_s_s <S, S>, } "raise again: trace src1, reason src2";
            catches raw_raise () { raw_raise <>, } "raise class X0, reason X1, raw trace X2";
            catches build_stacktrace () { build_stacktrace <>, } "X0 <- the trace of raw trace X0";

            // ---- fun
            fun make_fun (L N) { make_fun_d <D>, } "dst <- fun with the free variables S, ...";

            // ---- map
            map put_map_assoc (N) { put_map_assoc_s_d <S, D>, } "dst <- src with the (key, value) pairs";
            map put_map_exact (F N) { put_map_exact_s_d <S, D>, } "as put_map_assoc, each key there already; else goto fail or raise badkey";
            map has_map_fields (F N) { has_map_fields_s <S>, } "goto fail unless src has the keys";
            map get_map_element (F) { get_map_element_x_c_x <X, C, X>, get_map_element_s_s_d <S, S, D>, } "dst <- value of key src2 in src1; else goto fail";
            map get_map_elements (F N) { get_map_elements_s <S>, } "of (key, dst) pairs: dst <- value of key; else goto fail";

            // ---- msg: send and receive
            msg send () { send <>, } "send X1 to X0; X0 <- X1";
            msg loop_rec (F) { loop_rec_d <D>, } "dst <- message at hand; none: goto F";
            msg loop_rec_end (F) { loop_rec_end <>, } "next message; goto F";
            msg remove_message () { remove_message <>, } "take the message at hand out of the queue";
            msg wait (F) { wait <>, } "sleep until a message comes; goto F";
            msg wait_timeout (F) { wait_timeout_s <S>, } "sleep until a message comes: goto F; or for src ms: go on";
            msg timeout () { timeout <>, } "back to the first message";
            msg recv_marker_bind () { recv_marker_bind_d_d <D, D>, } "bind the marker to a reference";
            msg recv_marker_clear () { recv_marker_clear_d <D>, } "forget a reference's marker";
            msg recv_marker_reserve () { recv_marker_reserve_d <D>, } "dst <- a new marker at the queue's end";
            msg recv_marker_use () { recv_marker_use_d <D>, } "begin the next receive at a reference's marker";

            // ---- bs: the bit syntax
            bs bs_start_match (F) { bs_start_match_x_x <X, X>, bs_start_match_s_d <S, D>, } "dst <- match state of src; else goto fail";
            bs bs_get_integer (F U U) { bs_get_integer_s_s_d <S, S, D>, } "dst <- integer of size src2, unit, flags";
            bs bs_get_integer_fixed (F U U) { bs_get_integer_fixed_x_x <X, X>, bs_get_integer_fixed_s_d <S, D>, } "dst <- integer of U bits, flags";
            bs bs_get_float (F U U) { bs_get_float_s_s_d <S, S, D>, } "dst <- float of size src2, unit, flags";
            bs bs_get_binary (F U U) { bs_get_binary_s_s_d <S, S, D>, } "dst <- bits of size src2 (or all), unit, flags";
            bs bs_skip_bits (F U) { bs_skip_bits_s_s <S, S>, } "skip src2 (or all) times unit";
            bs bs_test_tail (F U) { bs_test_tail_s <S>, } "goto fail unless exactly U bits are left";
            bs bs_test_unit (F U) { bs_test_unit_s <S>, } "goto fail unless the bits left divide by U";
            bs bs_match_string (F U U) { bs_match_string_s <S>, } "goto fail unless the next U bits are those at address U";
            bs bs_get_utf8 (F) { bs_get_utf8_s_d <S, D>, } "dst <- character; else goto fail";
            bs bs_get_utf16 (F U) { bs_get_utf16_s_d <S, D>, } "dst <- character, flags U; else goto fail";
            bs bs_get_utf32 (F U) { bs_get_utf32_s_d <S, D>, } "dst <- character, flags U; else goto fail";
            bs bs_skip_utf8 (F) { bs_skip_utf8_s <S>, } "skip a character; else goto fail";
            bs bs_skip_utf16 (F U) { bs_skip_utf16_s <S>, } "skip a character, flags U; else goto fail";
            bs bs_skip_utf32 (F U) { bs_skip_utf32_s <S>, } "skip a character, flags U; else goto fail";
            bs bs_get_tail () { bs_get_tail_s_d <S, D>, } "dst <- the bits left";
            bs bs_get_position () { bs_get_position_s_d <S, D>, } "dst <- position";
            bs bs_set_position () { bs_set_position_s_s <S, S>, } "position <- src2";
            bs bs_create_bin (F U W) { bs_create_bin_d <D>, } "dst <- bits of the segments (type, unit, flags, source, size); U live";
            bs bs_init (F U U U) { bs_init_s_d <S, D>, } "dst <- new bits of size src times U, heap words U, live U; puts follow";
            bs bs_append (F U U U) { bs_append_s_s_d <S, S, D>, } "dst <- src2 with room for src1 times U more bits, heap words U, live U; puts follow";
            bs bs_init_writable () { bs_init_writable <>, } "X0 <- empty writable binary";
            bs bs_add (F U) { bs_add_s_s_d <S, S, D>, } "dst <- src1 + src2 times U, both sizes";
            bs bs_utf8_size () { bs_utf8_size_s_d <S, D>, } "dst <- bytes of the character in UTF-8";
            bs bs_utf16_size () { bs_utf16_size_s_d <S, D>, } "dst <- bytes of the character in UTF-16";
            bs bs_put_integer (F U U) { bs_put_integer_s_s <S, S>, } "put integer src1 of size src2, unit, flags";
            bs bs_put_float (F U U) { bs_put_float_s_s <S, S>, } "put float src1 of size src2, unit, flags";
            bs bs_put_binary (F U U) { bs_put_binary_s_s <S, S>, } "put bits src1 of size src2 (or all), unit, flags";
            bs bs_put_string (U U) { bs_put_string <>, } "put U bytes at address U";
            bs bs_put_utf8 (F) { bs_put_utf8_s <S>, } "put character src";
            bs bs_put_utf16 (F U) { bs_put_utf16_s <S>, } "put character src, flags U";
            bs bs_put_utf32 (F U) { bs_put_utf32_s <S>, } "put character src, flags U";

            // ---- float: the float registers
            float fload (U) { fload_s <S>, } "checked: F(U) <- float src";
            float fstore (U) { fstore_d <D>, } "dst <- float F(U)";
            float fmov (U U) { fmov <>, } "F(U2) <- F(U1)";
            float fconv (U) { fconv_s <S>, } "F(U) <- number src; else raise badarith";
            float fadd (U U U) { fadd <>, } "F(U3) <- F(U1) + F(U2)";
            float fsub (U U U) { fsub <>, } "F(U3) <- F(U1) - F(U2)";
            float fmul (U U U) { fmul <>, } "F(U3) <- F(U1) * F(U2)";
            float fdiv (U U U) { fdiv <>, } "F(U3) <- F(U1) / F(U2)";
            float fnegate (U U) { fnegate <>, } "F(U2) <- -F(U1)";
        }
    };
}

/// What the table says of a template.
#[derive(Debug)]
pub struct TemplateInfo {
    /// Its name.
    pub name: &'static str,
    /// The module of the interpreter that holds its body.
    pub family: &'static str,
    /// The fixed operands.
    pub kinds: &'static [Kind],
    /// The variants, most special first.
    pub variants: &'static [Op],
    /// What it does.
    pub meaning: &'static str,
}

macro_rules! expand {
    ($($family:ident $template:ident ($($kind:ident)*) {
        $($op:ident <$($mode:ident),*>,)*
    } $meaning:literal;)*) => {
        /// A template of the table.
        #[allow(non_camel_case_types, reason = "named as the operation is")]
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        #[repr(u16)]
        pub enum Template { $(#[doc = $meaning] $template,)* }

        /// A specific operation: a variant of a template.
        #[allow(non_camel_case_types, missing_docs, reason = "named as the operation is")]
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        #[repr(u16)]
        pub enum Op { $($($op,)*)* }

        impl Template {
            /// The table's row.
            pub fn info(self) -> &'static TemplateInfo {
                &TEMPLATES[self as usize]
            }
        }

        static TEMPLATES: &[TemplateInfo] = &[$(TemplateInfo {
            name: stringify!($template),
            family: stringify!($family),
            kinds: &[$(Kind::$kind),*],
            variants: &[$(Op::$op),*],
            meaning: $meaning,
        },)*];

        static OPS: &[(&str, Template, &[Mode])] = &[
            $($((stringify!($op), Template::$template, &[$(Mode::$mode),*]),)*)*
        ];
    };
}
for_each_specific_op!(expand);

impl Op {
    /// How many there are.
    pub const COUNT: usize = OPS.len();

    /// All of them, in order.
    pub fn all() -> impl Iterator<Item = Op> {
        TEMPLATES.iter().flat_map(|t| t.variants.iter().copied())
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        OPS[self as usize].0
    }

    /// The template it is a variant of.
    pub fn template(self) -> Template {
        OPS[self as usize].1
    }

    /// Its mode operands.
    pub fn modes(self) -> &'static [Mode] {
        OPS[self as usize].2
    }

    /// Words in memory, without those that an `N` or `W` operand counts.
    pub fn words(self) -> usize {
        1 + self.modes().len() + self.template().info().kinds.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_follow_the_table() {
        for (i, op) in Op::all().enumerate() {
            assert_eq!(op as usize, i);
            assert!(op.template().info().variants.contains(&op));
        }
        assert_eq!(Op::all().count(), Op::COUNT);
    }

    #[test]
    fn variants_of_a_template_agree_in_operand_count() {
        for op in Op::all() {
            let first = op.template().info().variants[0];
            assert_eq!(op.modes().len(), first.modes().len(), "{}", op.name());
        }
    }

    #[test]
    fn a_register_word_is_no_constant() {
        for n in [0, 1, 1023] {
            for word in [source::x(n), source::y(n)] {
                assert!(!source::is_constant(word));
                assert_eq!(source::offset(word), n as usize * 8);
            }
        }
    }
}
