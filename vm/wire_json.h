// JSON in binary, inside snapshots and events: exact where text is not (floats), bounded when read.
#pragma once

#include <boost/json/value.hpp>

#include "vm/bytecode/wire.h"
#include "vm/machine.h"

namespace rbk::vm {

void put_json(bytecode::Writer& out, const boost::json::value& value);
/// Fails the reader on anything that does not fit, deep nesting included.
boost::json::value get_json(bytecode::Reader& in);
void put_object(bytecode::Writer& out, const boost::json::object& object);
boost::json::object get_object(bytecode::Reader& in);

void put_error(bytecode::Writer& out, const ErrorValue& error);
ErrorValue get_error(bytecode::Reader& in);

}  // namespace rbk::vm
