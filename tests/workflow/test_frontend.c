/* From canvases to prompts: rules of the front end, one by one, on canvases as small as they can be. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "core/workflow/frontend/frontend.h"
#include "tests/harness/harness.h"

/* Texts stand in single quotes, which no canvas here needs for itself. */
static char *quoted(const char *text)
{
	char *copy = strdup(text);

	for (char *p = copy; *p; p++)
		*p = *p == '\'' ? '"' : *p;
	return copy;
}

static char *convert_with(const char *text, struct frontend_request request, struct error *e)
{
	struct frontend_classes *classes = frontend_classes_builtin(e);
	char *canvas = quoted(text);
	char *prompt;

	ck_assert_ok(classes, e);
	request.text = canvas;
	request.length = strlen(canvas);
	request.where = "canvas";
	request.classes = classes;
	prompt = frontend_convert(&request, e);
	frontend_classes_free(classes);
	free(canvas);
	return prompt;
}

static char *convert(const char *text, enum frontend_version version)
{
	struct error e = ERROR_INIT;
	char *prompt = convert_with(text, (struct frontend_request) { .version = version }, &e);

	ck_assert_ok(prompt, &e);
	return prompt;
}

static void check_inputs(const char *canvas, enum frontend_version version, const char *id, const char *inputs)
{
	char *prompt = convert(canvas, version);
	char *wanted = quoted(inputs);
	json_t *found = json_loads(prompt, JSON_DECODE_INT_AS_REAL, NULL);
	json_t *expected = json_loads(wanted, JSON_DECODE_INT_AS_REAL, NULL);

	ck_assert_ptr_nonnull(expected);
	ck_assert_msg(json_equal(json_object_get(json_object_get(found, id), "inputs"), expected), "%s, wanted of %s: %s",
		      prompt, id, inputs);
	json_decref(found);
	json_decref(expected);
	free(wanted);
	free(prompt);
}

static void check_refused(const char *canvas, enum frontend_version version, const char *word)
{
	struct error e = ERROR_INIT;
	char *prompt = convert_with(canvas, (struct frontend_request) { .version = version }, &e);

	ck_assert_ptr_null(prompt);
	ck_assert_int_eq(e.kind, ERROR_FORMAT);
	ck_assert_msg(strstr(e.text, word) != NULL, "%s", e.text);
}

#define LOADER                                                                                                                 \
	"{'id':1,'type':'CheckpointLoaderSimple','outputs':[{'name':'MODEL','type':'MODEL','links':[1]}],'widgets_values':['"  \
	"a']}"
#define SAMPLER_SLOTS "'inputs':[{'name':'model','type':'MODEL','link':1}]"

START_TEST(values_go_to_widgets_by_position_and_control_values_are_not_sent)
{
	check_inputs("{'version':0.4,'links':[[1,1,0,2,0,'MODEL']],'nodes':[" LOADER ",{'id':2,'type':'KSampler'," SAMPLER_SLOTS
		     ",'widgets_values':[5,'fixed',20,8,'euler','normal',0.5]}]}",
		     FRONTEND_1_49, "2",
		     "{'seed':5,'steps':20,'cfg':8,'sampler_name':'euler','scheduler':'normal','denoise':0.5,'model':['1',0]}");
}
END_TEST

START_TEST(integers_above_2_to_the_53_are_doubles_in_a_canvas)
{
	char *prompt = convert(
		"{'version':0.4,'nodes':[{'id':1,'type':'RandomNoise','widgets_values':[18446744073709551615,'fixed']}]}",
		FRONTEND_1_49);

	ck_assert_msg(strstr(prompt, "\"noise_seed\":18446744073709552000") != NULL, "%s", prompt);
	free(prompt);
}
END_TEST

START_TEST(a_prompt_keeps_integers_and_nan_and_its_unknown_classes)
{
	const char *const forms[] = {
		"%s",
		"{'prompt':%s,'client_id':'x'}",
		"{'q':{'prompt':[1,'q',%s,{},['1']],'outputs':{}}}",
		"[1,'q',%s,{},['1']]",
	};
	const char *prompt = "{'1':{'class_type':'NoSuch','inputs':{'seed':18446744073709551615,'x':NaN}}}";

	for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
		const char *place = strstr(forms[i], "%s");
		char text[400];
		char *found;

		snprintf(text, sizeof(text), "%.*s%s%s", (int)(place - forms[i]), forms[i], prompt, place + 2);
		found = convert(text, FRONTEND_1_49);
		ck_assert_str_eq(found,
				 "{\"1\":{\"class_type\":\"NoSuch\",\"inputs\":{\"seed\":18446744073709551615,\"x\":NaN}}}");
		free(found);
	}
}
END_TEST

START_TEST(a_prompt_that_is_dropped_on_the_canvas_takes_defaults_and_rounds)
{
	struct error e = ERROR_INIT;
	char *prompt = convert_with("{'1':{'class_type':'ModelSamplingSD3','inputs':{'shift':3.1000000000000005}},"
				    "'2':{'class_type':'EmptyLatentImage','inputs':{'width':640}}}",
				    (struct frontend_request) { .version = FRONTEND_1_49, .rebuild = true }, &e);

	ck_assert_ok(prompt, &e);
	ck_assert_msg(strstr(prompt, "\"shift\":3.1}") != NULL, "%s", prompt);
	ck_assert_msg(strstr(prompt, "{\"width\":640,\"height\":512,\"batch_size\":1}") != NULL, "%s", prompt);
	free(prompt);
}
END_TEST

START_TEST(a_bypassed_node_passes_on_the_input_of_its_type_and_a_muted_one_nothing)
{
	static const char format[] =
		"{'version':0.4,'links':[[1,1,0,2,0,'MODEL'],[2,2,0,3,0,'MODEL']],'nodes':[" LOADER
		",{'id':2,'type':'LoraLoader','mode':%d,'inputs':[{'name':'model','type':'MODEL','link':1},"
		"{'name':'clip','type':'CLIP','link':null}],'outputs':[{'name':'MODEL','type':'MODEL','links':[2]},"
		"{'name':'CLIP','type':'CLIP','links':[]}],'widgets_values':['l',1,1]},"
		"{'id':3,'type':'ModelSamplingSD3','inputs':[{'name':'model','type':'MODEL','link':2}],'widgets_values':[3]}]}";
	char canvas[1000];

	snprintf(canvas, sizeof(canvas), format, 4);
	check_inputs(canvas, FRONTEND_1_49, "3", "{'shift':3,'model':['1',0]}");
	snprintf(canvas, sizeof(canvas), format, 2);
	check_inputs(canvas, FRONTEND_1_49, "3", "{'shift':3}");
	snprintf(canvas, sizeof(canvas), format, 3);
	check_inputs(canvas, FRONTEND_1_49, "3", "{'shift':3,'model':['2',0]}");
}
END_TEST

START_TEST(set_and_get_reach_through_reroutes)
{
	check_inputs(
		"{'version':0.4,'links':[[1,1,0,2,0,'MODEL'],[2,3,0,4,0,'MODEL'],[3,4,0,5,0,'MODEL']],'nodes':[" LOADER
		",{'id':2,'type':'SetNode','inputs':[{'name':'MODEL','type':'MODEL','link':1}],'widgets_values':['m']},"
		"{'id':3,'type':'GetNode','outputs':[{'name':'MODEL','type':'MODEL','links':[2]}],'widgets_values':['m']},"
		"{'id':4,'type':'Reroute','inputs':[{'name':'','type':'*','link':2}],"
		"'outputs':[{'name':'','type':'MODEL','links':[3]}]},"
		"{'id':5,'type':'ModelSamplingSD3','inputs':[{'name':'model','type':'MODEL','link':3}],'widgets_values':[3]}]}",
		FRONTEND_1_49, "5", "{'shift':3,'model':['1',0]}");
}
END_TEST

START_TEST(a_primitive_gives_its_value_clamped_and_rounded)
{
	check_inputs(
		"{'version':0.4,'links':[[1,1,0,2,1,'INT']],'nodes':[{'id':1,'type':'PrimitiveNode',"
		"'outputs':[{'name':'INT','type':'INT','widget':{'name':'width'},'links':[1]}],'widgets_values':[701,'fixed']},"
		"{'id':2,'type':'EmptyLatentImage','inputs':[{'name':'width','type':'INT','widget':{'name':'width'},'link':1}],"
		"'widgets_values':[512,512,1]}]}",
		FRONTEND_1_49, "2", "{'width':704,'height':512,'batch_size':1}");
}
END_TEST

START_TEST(a_dynamic_combo_takes_the_values_of_what_it_chose)
{
	static const char canvas[] = "{'version':0.4,'nodes':[{'id':2,'type':'ResizeImageMaskNode',"
				     "'widgets_values':['scale by multiplier',0.25,'area']}]}";

	check_inputs(canvas, FRONTEND_1_49, "2",
		     "{'resize_type':'scale by multiplier','resize_type.multiplier':0.25,'scale_method':'area'}");
	check_inputs(canvas, FRONTEND_1_27, "2", "{'scale_method':'scale by multiplier'}");
}
END_TEST

#define SUBGRAPH                                                                                                               \
	"'definitions':{'subgraphs':[{'id':'s','name':'Sub','inputs':[{'name':'width','type':'INT','linkIds':[9]}],"           \
	"'outputs':[{'name':'LATENT','type':'LATENT','linkIds':[8]}],"                                                         \
	"'links':[{'id':9,'origin_id':-10,'origin_slot':0,'target_id':1,'target_slot':0,'type':'INT'},"                        \
	"{'id':8,'origin_id':1,'origin_slot':0,'target_id':-20,'target_slot':0,'type':'LATENT'}],"                             \
	"'nodes':[{'id':1,'type':'EmptyLatentImage','inputs':[{'name':'width','type':'INT','widget':{'name':'width'},"         \
	"'link':9}],'outputs':[{'name':'LATENT','type':'LATENT','links':[8]}],'widgets_values':[512,512,1]}]}]}"

START_TEST(a_promoted_widget_has_a_value_per_instance_and_inner_ids_are_paths)
{
	static const char canvas[] = "{'version':0.4,'links':[],'nodes':[{'id':5,'type':'s','widgets_values':[640]},"
				     "{'id':6,'type':'s','widgets_values':[768]}]," SUBGRAPH "}";

	check_inputs(canvas, FRONTEND_1_49, "5:1", "{'width':640,'height':512,'batch_size':1}");
	check_inputs(canvas, FRONTEND_1_49, "6:1", "{'width':768,'height':512,'batch_size':1}");
}
END_TEST

START_TEST(an_inner_id_that_the_root_uses_gets_the_next_free_number_but_not_in_1_27)
{
	static const char canvas[] =
		"{'version':0.4,'last_node_id':7,'nodes':[{'id':5,'type':'s'},{'id':1,'type':'LoadImage'}]," SUBGRAPH "}";

	check_inputs(canvas, FRONTEND_1_49, "5:8", "{'width':512,'height':512,'batch_size':1}");
	check_inputs(canvas, FRONTEND_1_27, "5:1", "{'width':512,'height':512,'batch_size':1}");
}
END_TEST

START_TEST(proxy_widgets_of_older_files_become_inputs_with_the_host_value)
{
	check_inputs("{'version':0.4,'nodes':[{'id':5,'type':'s','properties':{'proxyWidgets':[['1','height'],['-1','width']]},"
		     "'widgets_values':[1024,640]}]," SUBGRAPH "}",
		     FRONTEND_1_49, "5:1", "{'width':640,'height':1024,'batch_size':1}");
}
END_TEST

START_TEST(a_definition_that_contains_itself_gives_an_empty_prompt)
{
	char *prompt = convert("{'version':0.4,'nodes':[{'id':5,'type':'s'}],'definitions':{'subgraphs':[{'id':'s','name':'S',"
			       "'nodes':[{'id':1,'type':'s'}]}]}}",
			       FRONTEND_1_49);

	ck_assert_str_eq(prompt, "{}");
	free(prompt);
}
END_TEST

START_TEST(an_unknown_class_keeps_links_and_values_without_a_class_and_is_named)
{
	struct error e = ERROR_INIT;
	struct strbuf unknown = STRBUF_INIT;
	char *prompt = convert_with("{'version':0.4,'nodes':[{'id':1,'type':'No<Such>','widgets_values':[7,null]}]}",
				    (struct frontend_request) { .version = FRONTEND_1_49, .unknown_classes = &unknown }, &e);

	ck_assert_ok(prompt, &e);
	ck_assert_str_eq(prompt, "{\"1\":{\"inputs\":{\"UNKNOWN\":7,\"UNKNOWN_1\":\"null\"},\"_meta\":{}}}");
	ck_assert_str_eq(strbuf_text(&unknown), "NoSuch\n");
	strbuf_free(&unknown);
	free(prompt);
}
END_TEST

START_TEST(texts_lose_comments_choices_and_file_names_get_dates)
{
	struct error e = ERROR_INIT;
	char *prompt = convert_with(
		"{'version':0.4,'nodes':[{'id':1,'type':'CLIPTextEncode','widgets_values':['a {red|{blue|b}} cat // no']},"
		"{'id':2,'type':'SaveImage','widgets_values':['%date:yyyy-MM-dd%/%CLIPTextEncode.text%/%x%']}]}",
		(struct frontend_request) { .version = FRONTEND_1_49, .clock_s = 1795955696 }, &e);

	ck_assert_ok(prompt, &e);
	ck_assert_msg(strstr(prompt, "\"text\":\"a red cat \"") != NULL, "%s", prompt);
	ck_assert_msg(strstr(prompt, "\"2026-11-29/%CLIPTextEncode.text%/%x%\"") != NULL, "%s", prompt);
	free(prompt);
}
END_TEST

START_TEST(what_the_front_end_makes_no_prompt_of_is_refused_with_the_node)
{
	check_refused("{'version':0.4,'nodes':[{'id':2,'type':'VAEDecode','inputs':[{'name':'vae','type':'VAE','link':9}]}]}",
		      FRONTEND_1_49, "link 9");
	check_refused("{'version':0.4,'links':[[1,1,0,2,0,'*'],[2,2,0,1,0,'*'],[3,2,0,3,0,'*']],'nodes':["
		      "{'id':1,'type':'Reroute','inputs':[{'name':'','type':'*','link':2}],'outputs':[{'name':'','type':'*'}]},"
		      "{'id':2,'type':'Reroute','inputs':[{'name':'','type':'*','link':1}],'outputs':[{'name':'','type':'*'}]},"
		      "{'id':3,'type':'PreviewImage','inputs':[{'name':'images','type':'IMAGE','link':3}]}]}",
		      FRONTEND_1_49, "circle");
	check_refused("{'version':0.4,'nodes':[],'x':NaN}", FRONTEND_1_49, "value is expected");
	check_refused("{'version':0.4,'nodes':[]} x", FRONTEND_1_49, "follows the end");
	check_refused("[1,2]", FRONTEND_1_49, "neither a canvas");
}
END_TEST

START_TEST(instances_that_multiply_without_end_are_refused)
{
	char canvas[8000];
	size_t length = (size_t)snprintf(canvas, sizeof(canvas),
					 "{'version':0.4,'nodes':[{'id':1,'type':'d0'}],'definitions':{'subgraphs':[");

	for (int i = 0; i < 40; i++)
		length += (size_t)snprintf(canvas + length, sizeof(canvas) - length,
					   "{'id':'d%d','nodes':[{'id':1,'type':'d%d'},{'id':2,'type':'d%d'}]},", i, i + 1,
					   i + 1);
	snprintf(canvas + length, sizeof(canvas) - length, "{'id':'d40','nodes':[]}]}}");
	check_refused(canvas, FRONTEND_1_49, "nodes");
}
END_TEST

START_TEST(a_users_object_info_replaces_the_classes)
{
	struct error e = ERROR_INIT;
	char *info = quoted("{'Mine':{'input':{'required':{'x':['INT',{'default':3}],'a':['IMAGE']}},'output':['IMAGE'],"
			    "'display_name':'My node'}}");
	struct frontend_classes *classes = frontend_classes_parse(info, strlen(info), "info", &e);
	char *row;

	ck_assert_ok(classes, &e);
	ck_assert_uint_eq(frontend_classes_count(classes), 1);
	row = frontend_class_text(classes, "Mine", FRONTEND_1_49, &e);
	ck_assert_str_eq(row, "{\"class\":\"Mine\",\"title\":\"My node\",\"virtual\":false,\"widgets\":[[\"x\",3,1,1]],"
			      "\"inputs\":[[\"a\",\"IMAGE\",null],[\"x\",\"INT\",\"x\"]],\"outputs\":[[\"IMAGE\",\"IMAGE\"]]}");
	ck_assert_ptr_null(frontend_class_text(classes, "KSampler", FRONTEND_1_49, &e));
	ck_assert_int_eq(e.kind, ERROR_MISSING);
	frontend_classes_free(classes);
	free(row);
	free(info);
}
END_TEST

HARNESS_SUITE(frontend_suite)
{
	Suite *suite = suite_create("frontend");
	TCase *tests = tcase_create("rules");

	tcase_add_test(tests, values_go_to_widgets_by_position_and_control_values_are_not_sent);
	tcase_add_test(tests, integers_above_2_to_the_53_are_doubles_in_a_canvas);
	tcase_add_test(tests, a_prompt_keeps_integers_and_nan_and_its_unknown_classes);
	tcase_add_test(tests, a_prompt_that_is_dropped_on_the_canvas_takes_defaults_and_rounds);
	tcase_add_test(tests, a_bypassed_node_passes_on_the_input_of_its_type_and_a_muted_one_nothing);
	tcase_add_test(tests, set_and_get_reach_through_reroutes);
	tcase_add_test(tests, a_primitive_gives_its_value_clamped_and_rounded);
	tcase_add_test(tests, a_dynamic_combo_takes_the_values_of_what_it_chose);
	tcase_add_test(tests, a_promoted_widget_has_a_value_per_instance_and_inner_ids_are_paths);
	tcase_add_test(tests, an_inner_id_that_the_root_uses_gets_the_next_free_number_but_not_in_1_27);
	tcase_add_test(tests, proxy_widgets_of_older_files_become_inputs_with_the_host_value);
	tcase_add_test(tests, a_definition_that_contains_itself_gives_an_empty_prompt);
	tcase_add_test(tests, an_unknown_class_keeps_links_and_values_without_a_class_and_is_named);
	tcase_add_test(tests, texts_lose_comments_choices_and_file_names_get_dates);
	tcase_add_test(tests, what_the_front_end_makes_no_prompt_of_is_refused_with_the_node);
	tcase_add_test(tests, instances_that_multiply_without_end_are_refused);
	tcase_add_test(tests, a_users_object_info_replaces_the_classes);
	suite_add_tcase(suite, tests);
	return suite;
}
