# Writes OUT, a C++ source that holds the text of PAGE.
file(READ ${PAGE} text)
file(WRITE ${OUT} "#include \"compiler/reference/reference.h\"\n\nnamespace rbk::reference {\n\n"
     "std::string_view functions_page() {\n  return R\"page(${text})page\";\n}\n\n}  // namespace rbk::reference\n")
