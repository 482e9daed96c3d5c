"""Finds the places of a module that can be changed, and makes one change at a time in the running program."""

import ast
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import CodeType, FunctionType, ModuleType
from typing import Any

COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
}
FOR_PEOPLE = frozenset({"detail", "message", "why", "remark", "resolution", "title"})
"""Arguments and names that carry sentences for people; what they say is no matter of money."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change: `where` is the function or the module's name that it is in; `number` counts the module's places."""

    path: str
    where: str
    line: int
    change: str
    number: int

    @property
    def id(self) -> str:
        """Names it for people and for the list of survivors; two equal changes in a function share a name."""
        return f"{self.path}:{self.where}: {self.change}"


@dataclass(frozen=True, slots=True)
class _Place:
    where: str
    line: int
    change: str
    apply: Callable[[], None]


def mutants(path: str, source: str) -> list[Mutant]:
    """List the changes that can be made to a module's source."""
    places = _places(ast.parse(source))
    return [Mutant(path, place.where, place.line, place.change, number) for number, place in enumerate(places)]


def mutate(module: ModuleType, source: str, mutant: Mutant) -> None:
    """Make a change in the module as it is loaded. Raises LookupError when what it is in cannot be found."""
    tree = ast.parse(source)
    next(place for number, place in enumerate(_places(tree)) if number == mutant.number).apply()
    ast.fix_missing_locations(tree)
    outermost = mutant.where.partition(".<locals>")[0]
    changed = next((one for one in tree.body if _name_of(one) == mutant.where), None)
    if isinstance(changed, ast.Assign | ast.AnnAssign):
        assert changed.value is not None, "a place is in a value"
        _set_everywhere(
            module, mutant.where, eval(compile(ast.Expression(changed.value), mutant.path, "eval"), vars(module))
        )
        return
    code = _code_named(compile(tree, module.__file__ or mutant.path, "exec"), outermost)
    _function_named(module, outermost).__code__ = code


def _places(tree: ast.Module) -> Iterator[_Place]:
    for statement in tree.body:
        if isinstance(statement, ast.Assign | ast.AnnAssign) and statement.value is not None:
            name = _name_of(statement)
            if name and not name.startswith("__"):
                yield from _in_parts(statement, name)
        elif isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _in_function(statement, statement.name)
        elif isinstance(statement, ast.ClassDef):
            for inner in statement.body:
                if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef):
                    yield from _in_function(inner, f"{statement.name}.{inner.name}")


def _in_function(function: ast.FunctionDef | ast.AsyncFunctionDef, where: str) -> Iterator[_Place]:
    yield from _in_body(function.body, where)


def _in_body(body: list[ast.stmt], where: str) -> Iterator[_Place]:
    for number, statement in enumerate(body):
        if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
            continue  # a docstring, or an ellipsis
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _in_body(statement.body, f"{where}.<locals>.{statement.name}")
        elif not isinstance(statement, ast.Assert):
            yield from _of_statement(body, number, where)
            if not isinstance(statement, ast.Raise):
                yield from _in_parts(statement, where)


def _of_statement(body: list[ast.stmt], number: int, where: str) -> Iterator[_Place]:
    statement = body[number]

    def put(other: ast.stmt) -> Callable[[], None]:
        return lambda: body.__setitem__(number, ast.copy_location(other, statement))

    if isinstance(statement, ast.Expr | ast.Raise):
        yield _Place(where, statement.lineno, f"drop `{_short(statement)}`", put(ast.Pass()))
    elif isinstance(statement, ast.Return) and statement.value is not None and not _is_none(statement.value):
        nothing = ast.Return(ast.Constant(None))
        yield _Place(where, statement.lineno, f"`{_short(statement)}` gives None", put(nothing))
    elif isinstance(statement, ast.Continue):
        yield _Place(where, statement.lineno, "break for continue", put(ast.Break()))
    elif isinstance(statement, ast.Break):
        yield _Place(where, statement.lineno, "continue for break", put(ast.Continue()))


def _in_parts(node: ast.AST, where: str) -> Iterator[_Place]:
    """Yield the places in a statement's expressions, and in the statements inside it."""
    yield from _of_expression(node, where)
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list", "type_comment"):
            continue
        if isinstance(node, ast.keyword) and node.arg in FOR_PEOPLE:
            continue
        if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Tuple) and name == "slice":  # a type
            continue
        if isinstance(value, list) and value and isinstance(value[0], ast.stmt):
            yield from _in_body(value, where)
        elif isinstance(value, list):
            for number, part in enumerate(value):
                if isinstance(part, ast.Constant):
                    yield from _of_constant(
                        part, where, lambda new, value=value, number=number: value.__setitem__(number, new)
                    )
                elif isinstance(part, ast.AST):
                    yield from _in_parts(part, where)
        elif isinstance(value, ast.Constant):
            yield from _of_constant(value, where, lambda new, name=name: setattr(node, name, new))
        elif isinstance(value, ast.AST):
            yield from _in_parts(value, where)


def _of_expression(node: ast.AST, where: str) -> Iterator[_Place]:
    if isinstance(node, ast.Compare):
        for number, operator in enumerate(node.ops):
            other = COMPARISONS[type(operator)]
            change = f"`{_short(node)}`: {other.__name__} for {type(operator).__name__}"
            yield _Place(
                where, node.lineno, change, lambda number=number, other=other: node.ops.__setitem__(number, other())
            )
    elif isinstance(node, ast.BoolOp):
        other_op = ast.Or if isinstance(node.op, ast.And) else ast.And
        yield _Place(
            where, node.lineno, f"`{_short(node)}`: {other_op.__name__}", lambda: setattr(node, "op", other_op())
        )
    elif isinstance(node, ast.BinOp | ast.AugAssign) and type(node.op) in ARITHMETIC:
        new = ARITHMETIC[type(node.op)]
        yield _Place(where, node.lineno, f"`{_short(node)}`: {new.__name__}", lambda: setattr(node, "op", new()))
    elif isinstance(node, ast.If | ast.While | ast.IfExp):
        yield _Place(
            where, node.lineno, f"not `{_short(node.test)}`", lambda: setattr(node, "test", _negated(node.test))
        )
    elif isinstance(node, ast.comprehension):
        for number, test in enumerate(node.ifs):
            change = f"not `{_short(test)}`"
            yield _Place(
                where,
                test.lineno,
                change,
                lambda number=number, test=test: node.ifs.__setitem__(number, _negated(test)),
            )
    elif isinstance(node, ast.Set | ast.List | ast.Tuple) and isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
        for number, part in enumerate(node.elts):
            if not isinstance(part, ast.Starred):
                change = f"`{_short(node)}` without {_short(part)}"
                yield _Place(where, part.lineno, change, lambda number=number: node.elts.pop(number))
    elif isinstance(node, ast.Dict):
        for number, key in enumerate(node.keys):
            if key is not None:
                change = f"`{_short(node)}` without {_short(key)}"
                yield _Place(
                    where, key.lineno, change, lambda number=number: (node.keys.pop(number), node.values.pop(number))
                )
    elif isinstance(node, ast.Call):
        for number, word in enumerate(node.keywords):
            if word.arg is not None and word.arg not in FOR_PEOPLE:
                yield _Place(
                    where,
                    node.lineno,
                    f"`{_short(node.func)}(…)` without {word.arg}",
                    lambda number=number: node.keywords.pop(number),
                )


def _of_constant(node: ast.Constant, where: str, put: Callable[[ast.expr], Any]) -> Iterator[_Place]:
    value = node.value
    if isinstance(value, bool):
        new: object = not value
    elif isinstance(value, int):
        new = value + 1
    elif isinstance(value, str) and " " not in value:  # with a space it is a sentence, or SQL
        new = f"{value}x"
    elif isinstance(value, bytes):
        new = value + b"x"
    else:
        return
    yield _Place(where, node.lineno, f"{new!r} for {value!r}", lambda: put(ast.copy_location(ast.Constant(new), node)))


def _negated(test: ast.expr) -> ast.expr:
    return (
        test.operand if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not) else ast.UnaryOp(ast.Not(), test)
    )


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _short(node: ast.AST) -> str:
    text = " ".join(ast.unparse(node).split())
    return text if len(text) <= 70 else text[:67] + "…"


def _name_of(statement: ast.stmt) -> str:
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1 and isinstance(statement.targets[0], ast.Name):
        return statement.targets[0].id
    if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
        return statement.target.id
    return ""


def _set_everywhere(module: ModuleType, name: str, value: object) -> None:
    """Give a module's constant another value, there and where it was imported."""
    old = vars(module)[name]
    for other in list(sys.modules.values()):
        if isinstance(other, ModuleType) and vars(other).get(name) is old:
            setattr(other, name, value)


def _code_named(code: CodeType, qualname: str) -> CodeType:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            if constant.co_qualname == qualname:
                return constant
            if qualname.startswith(f"{constant.co_qualname}."):
                return _code_named(constant, qualname)
    raise LookupError(qualname)


def _function_named(module: ModuleType, qualname: str) -> FunctionType:
    found: Any = module
    for part in qualname.split("."):
        found = vars(found)[part]
    found = found.fget if isinstance(found, property) else getattr(found, "__func__", found)
    while hasattr(found, "__wrapped__"):
        found = found.__wrapped__
    if not isinstance(found, FunctionType):
        raise LookupError(qualname)
    return found
