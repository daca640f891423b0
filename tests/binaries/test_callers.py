"""Who enters NSS besides Go's own look-ups is named where there are symbols, and said to be unknown where there are none."""

import shutil
import subprocess
from pathlib import Path

import matrix
import pytest
import toolchains
from toolchains import Build

from inspector.binaries import examine
from inspector.binaries.calls import immediates, references
from inspector.facts import BinaryFacts

SOURCES = Path(__file__).parent / "sources"
COMPILERS = {
    "x86-64": "gcc",
    **{matrix._REPORTED.get(name, name): f"{prefix}-gcc" for name, prefix in matrix.CROSS.items()},
}
STATIC = '-linkmode external -extldflags "-static"'


def facts_of(path: Path) -> BinaryFacts:
    facts = examine(path.read_bytes(), "/usr/bin/program")
    assert isinstance(facts, BinaryFacts)
    return facts


def clib(facts: BinaryFacts) -> tuple[str, ...] | None:
    assert facts.exposures is not None
    return next((exposure.evidence for exposure in facts.exposures if exposure.kind == "clib"), None)


def compiled(machine: str, source: str, linking: str, level: str, directory: Path, *options: str) -> Path:
    program = directory / "program"
    toolchains.run([COMPILERS[machine], level, linking, *options, "-o", program, SOURCES / source])
    return program


KINDS = [(machine, "-static") for machine in COMPILERS] + [("x86-64", "-static-pie"), ("aarch64", "-static-pie")]


@pytest.mark.needs(*COMPILERS.values())
@pytest.mark.parametrize("level", ["-O0", "-O2"])
@pytest.mark.parametrize(("machine", "linking"), KINDS)
def test_the_functions_of_a_c_program_that_call_into_nss_are_named(
    machine: str, linking: str, level: str, tmp_path: Path
) -> None:
    facts = facts_of(compiled(machine, "callers.c", linking, level, tmp_path))
    assert clib(facts) == ("ask_user calls getpwnam", "ask_host calls getaddrinfo", "load calls dlopen")
    assert not facts.problems


@pytest.mark.needs(*COMPILERS.values())
@pytest.mark.parametrize(
    ("machine", "linking", "option"),
    [(*kind, "-fPIE") for kind in KINDS] + [(*kind, "-fno-pie") for kind in KINDS if kind[1] == "-static"],
)
def test_functions_that_are_entered_by_their_addresses_are_named(
    machine: str, linking: str, option: str, tmp_path: Path
) -> None:
    """By a table, as an argument, and through the offset table, which rustc takes for every call."""
    program = compiled(machine, "addresses.c", linking, "-O2", tmp_path, option)
    by_argument = "by_argument calls dlopen"
    if (machine, option) == ("arm", "-fPIE"):
        by_argument = "data without a symbol holds the address of dlopen"
    facts = facts_of(program)
    assert set(clib(facts) or ()) == {
        by_argument, "by_offset calls getnameinfo", "lookups holds the address of getpwnam",
    }  # fmt: skip
    assert not facts.problems


@pytest.mark.needs("gcc")
@pytest.mark.parametrize("linking", ["-static", "-static-pie"])
def test_calls_through_an_offset_table_that_the_linker_leaves_are_named(linking: str, tmp_path: Path) -> None:
    options = ("-fno-plt", "-Wa,-mrelax-relocations=no")
    program = compiled("x86-64", "callers.c", linking, "-O2", tmp_path, *options)
    assert clib(facts_of(program)) == ("ask_user calls getpwnam", "ask_host calls getaddrinfo", "load calls dlopen")


@pytest.mark.needs(*COMPILERS.values())
@pytest.mark.parametrize(("machine", "linking"), KINDS)
def test_glibc_alone_is_no_caller(machine: str, linking: str, tmp_path: Path) -> None:
    facts = facts_of(compiled(machine, "plain.c", linking, "-O2", tmp_path))
    assert facts.exposures == () and facts.libc.kind == "glibc" and not facts.problems


@pytest.mark.needs("gcc", "strip")
def test_without_symbols_it_says_what_cannot_be_told(tmp_path: Path) -> None:
    program = compiled("x86-64", "callers.c", "-static", "-O2", tmp_path)
    toolchains.run(["strip", program])
    facts = facts_of(program)
    evidence = clib(facts)
    assert evidence is not None and "not a Go program" in evidence
    assert any("which of its functions enter NSS cannot be told" in problem for problem in facts.problems)


@pytest.mark.needs("gcc", "strip")
def test_a_stripped_plain_program_has_no_way_in(tmp_path: Path) -> None:
    program = compiled("x86-64", "plain.c", "-static", "-O2", tmp_path)
    toolchains.run(["strip", program])
    assert facts_of(program).exposures == ()


def go_program(name: str, *, stripped: bool = False, cross: str = "") -> BinaryFacts:
    how = Build(go="1.27", ldflags=STATIC + (" -s -w" if stripped else ""))
    if cross:
        how = Build(go="1.27", ldflags=how.ldflags, goarch=cross, cc=f"{matrix.CROSS[cross]}-gcc")
    return facts_of(toolchains.build(SOURCES / name, how))


@pytest.mark.needs("gcc", "aarch64-linux-gnu-gcc")
@pytest.mark.parametrize("cross", ["", "arm64"])
def test_c_code_of_a_go_program_is_named_beside_go_s_own(cross: str) -> None:
    facts = go_program("calls", cross=cross)
    assert [exposure.kind for exposure in facts.exposures or ()] == ["dns", "clib"]
    assert clib(facts) == ("find_owner calls getpwnam",)


@pytest.mark.needs("gcc")
def test_c_code_of_a_stripped_go_program_is_said_to_be_unknown() -> None:
    facts = go_program("calls", stripped=True)
    assert [exposure.kind for exposure in facts.exposures or ()] == ["dns", "clib"]
    assert facts.problems == ("it is stripped: whether the C code called by main enters NSS cannot be told",)


@pytest.mark.needs("gcc")
@pytest.mark.parametrize("stripped", [False, True])
def test_a_wrapper_of_another_package_than_go_s_own_is_evidence(stripped: bool) -> None:
    evidence = clib(go_program("wrapper", stripped=stripped))
    assert evidence is not None and evidence[0] == "main._Cfunc_getpwuid"


@pytest.mark.needs("gcc")
@pytest.mark.parametrize("stripped", [False, True])
def test_a_program_that_loads_plugins_is_a_way_in(stripped: bool) -> None:
    evidence = clib(go_program("plugin", stripped=stripped))
    assert evidence is not None and evidence[0] == "plugin._Cfunc_pluginOpen"


@pytest.mark.parametrize(
    ("code", "site"),
    [("e8fb0f0000", 0), ("90e9fa0f0000", 1), ("0f84fa0f0000", 0), ("488d05f90f0000", 1), ("e8e8fa0f0000", 1)],
)
def test_x86_instructions_that_name_an_address(code: str, site: int) -> None:
    assert list(references("386", bytes.fromhex(code), 0x1000, {0x2000})) == [(0x1000 + site, 0x2000)]


def test_a_number_that_is_no_operand_is_no_reference() -> None:
    assert not list(references("x86-64", bytes.fromhex("90fb0f0000c3"), 0x1000, {0x2000}))


@pytest.mark.parametrize(
    ("code", "is_found"),
    [
        ("bf40c34600", True),  # mov to edi
        ("6840c34600", True),  # push
        ("48c7c740c34600", True),  # mov to rdi
        ("c7042440c34600", True),  # mov to the stack
        ("c744240840c34600", True),
        ("c7450840c34600", True),
        ("90900040c34600", False),
        ("bf40c34700", False),
    ],
)
def test_numbers_of_x86_code_that_are_addresses(code: str, is_found: bool) -> None:
    assert [target for _, target in immediates(bytes.fromhex(code), 0x1000, {0x46C340})] == [0x46C340] * is_found


@pytest.mark.parametrize(
    ("code", "target", "is_found"),
    [
        ("fe03002a", 0x2000, True),  # bhs, which stays in A32
        ("fe03002a", 0x2001, False),  # what two Thumb instructions of glibc's _nl_load_domain look like
        ("fe0300fa", 0x2001, True),  # blx, which goes to Thumb
        ("fe0300fb", 0x2003, True),
        ("fe0300fa", 0x2000, False),
        ("00f0feff", 0x2001, True),  # bl of Thumb
        ("00f0feff", 0x2000, False),
        ("00f0feef", 0x2000, True),  # blx of Thumb, which goes to A32
        ("00f0feef", 0x2001, False),
    ],
)
def test_calls_of_arm_keep_or_change_the_instruction_set(code: str, target: int, is_found: bool) -> None:
    assert list(references("arm", bytes.fromhex(code), 0x1000, {target})) == [(0x1000, target)] * is_found


@pytest.mark.needs("arm-linux-gnueabihf-gcc")
@pytest.mark.parametrize("instructions", ["-marm", "-mthumb"])
def test_callers_in_either_instruction_set_of_arm_are_named(instructions: str, tmp_path: Path) -> None:
    program = tmp_path / "program"
    command = ["arm-linux-gnueabihf-gcc", "-O2", instructions, "-static", "-o", program, SOURCES / "callers.c"]
    toolchains.run(command)
    assert clib(facts_of(program)) == ("ask_user calls getpwnam", "ask_host calls getaddrinfo", "load calls dlopen")


@pytest.mark.needs("gcc")
def test_objdump_sees_the_same_calls(tmp_path: Path) -> None:
    """Over the whole of a static glibc: each direct call to a function is found, and none besides."""
    program = compiled("x86-64", "callers.c", "-static", "-O2", tmp_path)
    text = subprocess.run(
        ["objdump", "-d", "--no-show-raw-insn", "-j", ".text", program], capture_output=True, text=True, check=True
    ).stdout
    lines = [line.split() for line in text.splitlines() if "\tcall " in line or "\tjmp " in line]
    theirs = {(int(line[0][:-1], 16), int(line[2], 16)) for line in lines if line[-1] == "<__getpwnam_r>"}
    (target,) = {address for _, address in theirs}
    dump = tmp_path / "text"
    toolchains.run(["objcopy", "-O", "binary", "-j", ".text", program, dump])
    headers = subprocess.run(["readelf", "-SW", program], capture_output=True, text=True, check=True).stdout
    (base,) = [int(line.split(".text ")[1].split()[1], 16) for line in headers.splitlines() if " .text " in line]
    assert set(references("x86-64", dump.read_bytes(), base, {target})) == theirs
    shutil.rmtree(tmp_path)
