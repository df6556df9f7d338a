# embed_files(TARGET NAME PATTERN...): the files that match, as an array of struct embedded_file (core/base/embed.h) called NAME.
# Each file is included by the assembler, so its bytes are exactly the file's.
function(embed_files target name)
	file(GLOB files CONFIGURE_DEPENDS ${ARGN})
	list(SORT files)
	set(source ${CMAKE_BINARY_DIR}/embedded/${name}.c)
	set(text "#include \"core/base/embed.h\"\n")
	set(rows "")
	set(index 0)
	foreach(file IN LISTS files)
		get_filename_component(base ${file} NAME)
		string(APPEND text "__asm__(\".section .rodata\\n\"\n\"${name}_${index}:\\n.incbin \\\"${file}\\\"\\n\"\n"
			"\"${name}_${index}_end:\\n.byte 0\\n.previous\\n\");\n"
			"extern const char ${name}_${index}[] __attribute__((visibility(\"hidden\")));\n"
			"extern const char ${name}_${index}_end[] __attribute__((visibility(\"hidden\")));\n")
		string(APPEND rows "\t{ \"${base}\", ${name}_${index}, ${name}_${index}_end },\n")
		math(EXPR index "${index} + 1")
	endforeach()
	string(APPEND text "const struct embedded_file ${name}[] = {\n${rows}\t{ 0, 0, 0 }\n};\n")
	file(GENERATE OUTPUT ${source} CONTENT "${text}")
	set_source_files_properties(${source} PROPERTIES OBJECT_DEPENDS "${files}" GENERATED TRUE)
	target_sources(${target} PRIVATE ${source})
endfunction()
