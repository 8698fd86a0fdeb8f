//! The generic operations: what a `.beam` file's Code chunk is made of.
//!
//! One table, [`for_each_generic_op!`], names every operation number with its
//! arity; the enum, the name look-up and the arity look-up are expansions of it.
//! `since` is the OTP release that first wrote the operation (25 stands for
//! "25 or an earlier one"); a release profile refuses numbers that are newer.

/// Calls `$m!` with one row `Name = number "name" arity status since;` for each
/// generic operation.
#[macro_export]
#[rustfmt::skip]
macro_rules! for_each_generic_op {
    ($m:ident) => {
        $m! {
            Label = 1 "label" 1 Live 25;
            FuncInfo = 2 "func_info" 3 Live 25;
            IntCodeEnd = 3 "int_code_end" 0 Live 25;
            Call = 4 "call" 2 Live 25;
            CallLast = 5 "call_last" 3 Live 25;
            CallOnly = 6 "call_only" 2 Live 25;
            CallExt = 7 "call_ext" 2 Live 25;
            CallExtLast = 8 "call_ext_last" 3 Live 25;
            Bif0 = 9 "bif0" 2 Live 25;
            Bif1 = 10 "bif1" 4 Live 25;
            Bif2 = 11 "bif2" 5 Live 25;
            Allocate = 12 "allocate" 2 Live 25;
            AllocateHeap = 13 "allocate_heap" 3 Live 25;
            AllocateZero = 14 "allocate_zero" 2 Live 25;
            AllocateHeapZero = 15 "allocate_heap_zero" 3 Live 25;
            TestHeap = 16 "test_heap" 2 Live 25;
            Init = 17 "init" 1 Live 25;
            Deallocate = 18 "deallocate" 1 Live 25;
            Return = 19 "return" 0 Live 25;
            Send = 20 "send" 0 Live 25;
            RemoveMessage = 21 "remove_message" 0 Live 25;
            Timeout = 22 "timeout" 0 Live 25;
            LoopRec = 23 "loop_rec" 2 Live 25;
            LoopRecEnd = 24 "loop_rec_end" 1 Live 25;
            Wait = 25 "wait" 1 Live 25;
            WaitTimeout = 26 "wait_timeout" 2 Live 25;
            MPlus = 27 "m_plus" 4 Obsolete 25;
            MMinus = 28 "m_minus" 4 Obsolete 25;
            MTimes = 29 "m_times" 4 Obsolete 25;
            MDiv = 30 "m_div" 4 Obsolete 25;
            IntDiv = 31 "int_div" 4 Obsolete 25;
            IntRem = 32 "int_rem" 4 Obsolete 25;
            IntBand = 33 "int_band" 4 Obsolete 25;
            IntBor = 34 "int_bor" 4 Obsolete 25;
            IntBxor = 35 "int_bxor" 4 Obsolete 25;
            IntBsl = 36 "int_bsl" 4 Obsolete 25;
            IntBsr = 37 "int_bsr" 4 Obsolete 25;
            IntBnot = 38 "int_bnot" 3 Obsolete 25;
            IsLt = 39 "is_lt" 3 Live 25;
            IsGe = 40 "is_ge" 3 Live 25;
            IsEq = 41 "is_eq" 3 Live 25;
            IsNe = 42 "is_ne" 3 Live 25;
            IsEqExact = 43 "is_eq_exact" 3 Live 25;
            IsNeExact = 44 "is_ne_exact" 3 Live 25;
            IsInteger = 45 "is_integer" 2 Live 25;
            IsFloat = 46 "is_float" 2 Live 25;
            IsNumber = 47 "is_number" 2 Live 25;
            IsAtom = 48 "is_atom" 2 Live 25;
            IsPid = 49 "is_pid" 2 Live 25;
            IsReference = 50 "is_reference" 2 Live 25;
            IsPort = 51 "is_port" 2 Live 25;
            IsNil = 52 "is_nil" 2 Live 25;
            IsBinary = 53 "is_binary" 2 Live 25;
            IsConstant = 54 "is_constant" 2 Obsolete 25;
            IsList = 55 "is_list" 2 Live 25;
            IsNonemptyList = 56 "is_nonempty_list" 2 Live 25;
            IsTuple = 57 "is_tuple" 2 Live 25;
            TestArity = 58 "test_arity" 3 Live 25;
            SelectVal = 59 "select_val" 3 Live 25;
            SelectTupleArity = 60 "select_tuple_arity" 3 Live 25;
            Jump = 61 "jump" 1 Live 25;
            Catch = 62 "catch" 2 Live 25;
            CatchEnd = 63 "catch_end" 1 Live 25;
            Move = 64 "move" 2 Live 25;
            GetList = 65 "get_list" 3 Live 25;
            GetTupleElement = 66 "get_tuple_element" 3 Live 25;
            SetTupleElement = 67 "set_tuple_element" 3 Live 25;
            PutString = 68 "put_string" 3 Obsolete 25;
            PutList = 69 "put_list" 3 Live 25;
            PutTuple = 70 "put_tuple" 2 Obsolete 25;
            Put = 71 "put" 1 Obsolete 25;
            Badmatch = 72 "badmatch" 1 Live 25;
            IfEnd = 73 "if_end" 0 Live 25;
            CaseEnd = 74 "case_end" 1 Live 25;
            CallFun = 75 "call_fun" 1 Live 25;
            MakeFun = 76 "make_fun" 3 Obsolete 25;
            IsFunction = 77 "is_function" 2 Live 25;
            CallExtOnly = 78 "call_ext_only" 2 Live 25;
            BsStartMatch = 79 "bs_start_match" 2 Obsolete 25;
            BsGetInteger = 80 "bs_get_integer" 5 Obsolete 25;
            BsGetFloat = 81 "bs_get_float" 5 Obsolete 25;
            BsGetBinary = 82 "bs_get_binary" 5 Obsolete 25;
            BsSkipBits = 83 "bs_skip_bits" 4 Obsolete 25;
            BsTestTail = 84 "bs_test_tail" 2 Obsolete 25;
            BsSave = 85 "bs_save" 1 Obsolete 25;
            BsRestore = 86 "bs_restore" 1 Obsolete 25;
            BsInit = 87 "bs_init" 2 Obsolete 25;
            BsFinal = 88 "bs_final" 2 Obsolete 25;
            BsPutInteger = 89 "bs_put_integer" 5 Live 25;
            BsPutBinary = 90 "bs_put_binary" 5 Live 25;
            BsPutFloat = 91 "bs_put_float" 5 Live 25;
            BsPutString = 92 "bs_put_string" 2 Live 25;
            BsNeedBuf = 93 "bs_need_buf" 1 Obsolete 25;
            Fclearerror = 94 "fclearerror" 0 Live 25;
            Fcheckerror = 95 "fcheckerror" 1 Live 25;
            Fmove = 96 "fmove" 2 Live 25;
            Fconv = 97 "fconv" 2 Live 25;
            Fadd = 98 "fadd" 4 Live 25;
            Fsub = 99 "fsub" 4 Live 25;
            Fmul = 100 "fmul" 4 Live 25;
            Fdiv = 101 "fdiv" 4 Live 25;
            Fnegate = 102 "fnegate" 3 Live 25;
            MakeFun2 = 103 "make_fun2" 1 Live 25;
            Try = 104 "try" 2 Live 25;
            TryEnd = 105 "try_end" 1 Live 25;
            TryCase = 106 "try_case" 1 Live 25;
            TryCaseEnd = 107 "try_case_end" 1 Live 25;
            Raise = 108 "raise" 2 Live 25;
            BsInit2 = 109 "bs_init2" 6 Live 25;
            BsBitsToBytes = 110 "bs_bits_to_bytes" 3 Obsolete 25;
            BsAdd = 111 "bs_add" 5 Live 25;
            Apply = 112 "apply" 1 Live 25;
            ApplyLast = 113 "apply_last" 2 Live 25;
            IsBoolean = 114 "is_boolean" 2 Live 25;
            IsFunction2 = 115 "is_function2" 3 Live 25;
            BsStartMatch2 = 116 "bs_start_match2" 5 Obsolete 25;
            BsGetInteger2 = 117 "bs_get_integer2" 7 Live 25;
            BsGetFloat2 = 118 "bs_get_float2" 7 Live 25;
            BsGetBinary2 = 119 "bs_get_binary2" 7 Live 25;
            BsSkipBits2 = 120 "bs_skip_bits2" 5 Live 25;
            BsTestTail2 = 121 "bs_test_tail2" 3 Live 25;
            BsSave2 = 122 "bs_save2" 2 Obsolete 25;
            BsRestore2 = 123 "bs_restore2" 2 Obsolete 25;
            GcBif1 = 124 "gc_bif1" 5 Live 25;
            GcBif2 = 125 "gc_bif2" 6 Live 25;
            BsFinal2 = 126 "bs_final2" 2 Obsolete 25;
            BsBitsToBytes2 = 127 "bs_bits_to_bytes2" 2 Obsolete 25;
            PutLiteral = 128 "put_literal" 2 Obsolete 25;
            IsBitstr = 129 "is_bitstr" 2 Live 25;
            BsContextToBinary = 130 "bs_context_to_binary" 1 Obsolete 25;
            BsTestUnit = 131 "bs_test_unit" 3 Live 25;
            BsMatchString = 132 "bs_match_string" 4 Live 25;
            BsInitWritable = 133 "bs_init_writable" 0 Live 25;
            BsAppend = 134 "bs_append" 8 Live 25;
            BsPrivateAppend = 135 "bs_private_append" 6 Live 25;
            Trim = 136 "trim" 2 Live 25;
            BsInitBits = 137 "bs_init_bits" 6 Live 25;
            BsGetUtf8 = 138 "bs_get_utf8" 5 Live 25;
            BsSkipUtf8 = 139 "bs_skip_utf8" 4 Live 25;
            BsGetUtf16 = 140 "bs_get_utf16" 5 Live 25;
            BsSkipUtf16 = 141 "bs_skip_utf16" 4 Live 25;
            BsGetUtf32 = 142 "bs_get_utf32" 5 Live 25;
            BsSkipUtf32 = 143 "bs_skip_utf32" 4 Live 25;
            BsUtf8Size = 144 "bs_utf8_size" 3 Live 25;
            BsPutUtf8 = 145 "bs_put_utf8" 3 Live 25;
            BsUtf16Size = 146 "bs_utf16_size" 3 Live 25;
            BsPutUtf16 = 147 "bs_put_utf16" 3 Live 25;
            BsPutUtf32 = 148 "bs_put_utf32" 3 Live 25;
            OnLoad = 149 "on_load" 0 Live 25;
            RecvMark = 150 "recv_mark" 1 Live 25;
            RecvSet = 151 "recv_set" 1 Live 25;
            GcBif3 = 152 "gc_bif3" 7 Live 25;
            Line = 153 "line" 1 Live 25;
            PutMapAssoc = 154 "put_map_assoc" 5 Live 25;
            PutMapExact = 155 "put_map_exact" 5 Live 25;
            IsMap = 156 "is_map" 2 Live 25;
            HasMapFields = 157 "has_map_fields" 3 Live 25;
            GetMapElements = 158 "get_map_elements" 3 Live 25;
            IsTaggedTuple = 159 "is_tagged_tuple" 4 Live 25;
            BuildStacktrace = 160 "build_stacktrace" 0 Live 25;
            RawRaise = 161 "raw_raise" 0 Live 25;
            GetHd = 162 "get_hd" 2 Live 25;
            GetTl = 163 "get_tl" 2 Live 25;
            PutTuple2 = 164 "put_tuple2" 2 Live 25;
            BsGetTail = 165 "bs_get_tail" 3 Live 25;
            BsStartMatch3 = 166 "bs_start_match3" 4 Live 25;
            BsGetPosition = 167 "bs_get_position" 3 Live 25;
            BsSetPosition = 168 "bs_set_position" 2 Live 25;
            Swap = 169 "swap" 2 Live 25;
            BsStartMatch4 = 170 "bs_start_match4" 4 Live 25;
            MakeFun3 = 171 "make_fun3" 3 Live 25;
            InitYregs = 172 "init_yregs" 1 Live 25;
            RecvMarkerBind = 173 "recv_marker_bind" 2 Live 25;
            RecvMarkerClear = 174 "recv_marker_clear" 1 Live 25;
            RecvMarkerReserve = 175 "recv_marker_reserve" 1 Live 25;
            RecvMarkerUse = 176 "recv_marker_use" 1 Live 25;
            BsCreateBin = 177 "bs_create_bin" 6 Live 25;
            CallFun2 = 178 "call_fun2" 3 Live 25;
            NifStart = 179 "nif_start" 0 Live 25;
            Badrecord = 180 "badrecord" 1 Live 25;
            UpdateRecord = 181 "update_record" 5 Live 26;
            BsMatch = 182 "bs_match" 3 Live 26;
            ExecutableLine = 183 "executable_line" 2 Live 27;
            DebugLine = 184 "debug_line" 4 Live 28;
        }
    };
}

/// Whether a loader still accepts an operation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Status {
    /// Accepted.
    Live,
    /// Written by compilers of long ago; a file that has it is refused.
    Obsolete,
}

/// What the table says of one generic operation.
#[derive(Clone, Copy, Debug)]
pub struct GenericInfo {
    /// Its name in the compiler's assembly listing.
    pub name: &'static str,
    /// How many operands follow the operation number.
    pub arity: u8,
    /// Whether a loader still accepts it.
    pub status: Status,
    /// First OTP release that writes it (25 = 25 or earlier).
    pub since: u8,
}

macro_rules! expand {
    ($($name:ident = $num:literal $text:literal $arity:literal $status:ident $since:literal;)*) => {
        /// A generic operation, by number.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[repr(u8)]
        pub enum Generic {
            $(#[doc = $text] $name = $num,)*
        }

        impl Generic {
            /// The operation with number `n`, or `None` where there is none.
            pub fn from_number(n: u8) -> Option<Generic> {
                match n { $($num => Some(Generic::$name),)* _ => None }
            }

            /// The table's row for this operation.
            pub fn info(self) -> GenericInfo {
                TABLE[self as usize - 1]
            }
        }

        static TABLE: [GenericInfo; 184] = [
            $(GenericInfo { name: $text, arity: $arity, status: Status::$status, since: $since },)*
        ];
    };
}
for_each_generic_op!(expand);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_dense_and_names_fit() {
        for n in 1..=184u8 {
            assert_eq!(Generic::from_number(n).unwrap() as u8, n);
        }
        assert!(Generic::from_number(0).is_none());
        assert!(Generic::from_number(185).is_none());
        assert_eq!(Generic::BsCreateBin.info().arity, 6);
        assert_eq!(Generic::MPlus.info().status, Status::Obsolete);
    }
}
